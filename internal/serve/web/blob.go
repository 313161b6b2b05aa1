package web

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/pull/inspect"
)

// blobView is the content of the page about a manifest or config.
type blobView struct {
	Name  string
	Parts []blobPart
}

// blobPart is text, and the page that it leads to.
type blobPart struct{ Text, Path string }

// manifest shows the bytes of a manifest, with links to the manifests and blobs that it lists.
func (h *handler) manifest(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Shallow: true})
	if err != nil {
		return nil, err
	}
	linked := map[string]string{}
	for _, m := range info.Manifests {
		if manifest.Is(m.MediaType) {
			linked[m.Digest.String()] = PathTo(p.repository, "@", m.Digest.String())
		}
	}
	if s := info.Subject; s != nil {
		linked[s.Digest.String()] = PathTo(p.repository, "@", s.Digest.String())
	}
	if info.Config != nil {
		linked[info.Config.Digest.String()] = PathTo(p.repository, "@", info.Digest.String()) + "/config"
	}
	for _, l := range layerRows(info, p) {
		if l.Path != "" {
			linked[l.Digest.String()] = l.Path
		}
	}
	return blobPage("manifest", p, blobParts(pretty(info.Raw), linked)), nil
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
	return blobPage("config", p, []blobPart{{Text: pretty(info.Config.Raw)}}), nil
}

func blobPage(name string, p place, parts []blobPart) *page {
	crumbs := append(p.crumbs(), link{name, PathTo(p.repository, p.sign, p.reference) + "/" + name})
	return &page{template: "blob.html", Title: strings.ToUpper(name[:1]) + name[1:] + " of " + p.title(), Crumbs: crumbs, Data: blobView{name, parts}}
}

// pretty indents JSON, and returns other bytes as text.
func pretty(raw []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") == nil {
		return clip(b.String())
	}
	return clip(string(raw))
}

// blobParts cuts a text around the digests that lead somewhere.
func blobParts(text string, linked map[string]string) []blobPart {
	var parts []blobPart
	begin, at := 0, 0
	for {
		i := strings.Index(text[at:], `"sha`)
		if i < 0 {
			return append(parts, blobPart{Text: text[begin:]})
		}
		at += i + 1
		end := strings.IndexByte(text[at:], '"')
		if end < 0 {
			end = len(text) - at
		}
		if to := linked[text[at:at+end]]; to != "" {
			parts = append(parts, blobPart{Text: text[begin:at]}, blobPart{text[at : at+end], to})
			begin = at + end
		}
		at += end
	}
}
