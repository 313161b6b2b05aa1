package web

import (
	"strings"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
)

// blobView is the content of the page about a manifest or config.
type blobView struct {
	Name  string
	Parts []view.Part
}

// showManifest shows the bytes of a manifest, with links to the manifests and blobs that it lists.
func (h *handler) showManifest(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Shallow: true})
	if err != nil {
		return nil, err
	}
	return newBlobPage("manifest", p, view.Parts(view.Pretty(info.Raw), linksIn(info, p))), nil
}

// linksIn returns the paths of the pages about the manifests, subject, config, and layers of an artifact, by their digests.
func linksIn(info *inspect.Info, p place) map[string]string {
	linked := map[string]string{}
	for _, m := range info.Manifests {
		if manifest.Is(m.MediaType) {
			linked[m.Digest.String()] = view.PathTo(p.repository, "@", m.Digest.String())
		}
	}
	if s := info.Subject; s != nil {
		linked[s.Digest.String()] = view.PathTo(p.repository, "@", s.Digest.String())
	}
	if info.Config != nil {
		linked[info.Config.Digest.String()] = view.PathTo(p.repository, "@", info.Digest.String()) + "/config"
	}
	for _, l := range view.Layers(info, p.repository) {
		if l.Path != "" {
			linked[l.Digest.String()] = l.Path
		}
	}
	return linked
}

// showConfig shows the bytes of a config, with links to the layers that it lists.
func (h *handler) showConfig(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{})
	switch {
	case err != nil:
		return nil, err
	case info.Config == nil || info.Config.Raw == nil:
		return nil, errNoPage
	}
	linked := linksIn(info, p)
	for i, uncompressed := range view.DiffIDs(info) {
		linked[uncompressed] = linked[info.Layers[i].Digest.String()]
	}
	return newBlobPage("config", p, view.Parts(view.Pretty(info.Config.Raw), linked)), nil
}

func newBlobPage(name string, p place, parts []view.Part) *page {
	crumbs := append(p.crumbs(), view.NewLink(name, view.PathTo(p.repository, p.sign, p.reference)+"/"+name))
	return &page{template: "blob.html", Title: strings.ToUpper(name[:1]) + name[1:] + " of " + p.title(), Crumbs: crumbs, Data: blobView{name, parts}}
}
