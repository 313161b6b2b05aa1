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

// manifest shows the bytes of a manifest, with links to the manifests and blobs that it lists.
func (h *handler) manifest(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Shallow: true})
	if err != nil {
		return nil, err
	}
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
	return blobPage("manifest", p, view.Parts(view.Pretty(info.Raw), linked)), nil
}

// config shows the bytes of a config.
func (h *handler) config(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{})
	switch {
	case err != nil:
		return nil, err
	case info.Config == nil || info.Config.Raw == nil:
		return nil, errNoPage
	}
	return blobPage("config", p, []view.Part{{Text: view.Pretty(info.Config.Raw)}}), nil
}

func blobPage(name string, p place, parts []view.Part) *page {
	crumbs := append(p.crumbs(), view.NewLink(name, view.PathTo(p.repository, p.sign, p.reference)+"/"+name))
	return &page{template: "blob.html", Title: strings.ToUpper(name[:1]) + name[1:] + " of " + p.title(), Crumbs: crumbs, Data: blobView{name, parts}}
}
