package web

import (
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/serve/web/content"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/diff"
	"github.com/davit-oci/davit/pull/inspect"
)

// diffView is the content of the page that compares two artifacts.
type diffView struct {
	Path    string // of the first artifact
	To      string // tag or digest of the second; empty until it is chosen
	ToPath  string
	Tags    []string // to choose from
	TooMuch string   // the command to use for layers that are too large
	*view.Changes
}

// showDiff compares an artifact with another one in its repository.
func (h *handler) showDiff(c *call, p place, target *once.Target) (*page, error) {
	v := &diffView{Path: view.PathTo(p.repository, p.sign, p.reference), To: c.URL.Query().Get("to")}
	page := &page{template: "diff.html", Title: "Compare " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("compare", v.Path+"/diff")), Data: v}
	tags, err := registry.Tags(c.Context(), target, registry.TagOptions{ByVersion: true, Limit: maxTagChoice})
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		if tag != p.reference {
			v.Tags = append(v.Tags, tag)
		}
	}
	if v.To == "" {
		return page, nil
	}
	v.ToPath = view.PathTo(p.repository, signOf(v.To), v.To)
	var size int64
	for _, ref := range []string{p.reference, v.To} {
		info, err := inspect.Inspect(c.Context(), target, ref, inspect.Options{Shallow: true})
		if err != nil {
			return nil, err
		}
		size += content.PackedSize(info)
	}
	if size > maxListed {
		at := h.source.Address(p.repository, c.Request)
		v.TooMuch = at.Command("davit", "diff", at.Name+p.sign+p.reference, at.Name+signOf(v.To)+v.To)
		return page, nil
	}
	d, err := diff.Artifacts(c.Context(), diff.Side{Source: target, Ref: p.reference}, diff.Side{Source: target, Ref: v.To}, diff.Options{Text: true, Inside: true})
	if err != nil {
		return nil, err
	}
	v.Changes = view.NewChanges(d)
	return page, nil
}

// maxTagChoice limits the tags to choose from.
const maxTagChoice = 500

// signOf returns the sign before a reference: "@" for a digest, or ":" for a tag.
func signOf(reference string) string {
	if strings.Contains(reference, ":") {
		return "@"
	}
	return ":"
}
