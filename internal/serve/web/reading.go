package web

import (
	"context"
	"errors"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
)

// readingOf selects a document.
type readingOf struct {
	target *once.Target
	info   *inspect.Info
	path   string // of the artifact by its digest
	opts   read.ReadableOptions
}

// reading reads what explains an artifact, and the facts about it. It is nil for an artifact that nothing explains.
func (h *handler) reading(ctx context.Context, c *call, of readingOf) (*view.Reading, []view.Field) {
	doc, err := read.Readable(ctx, of.target, of.info.Digest.String(), of.opts)
	facts := view.WeightFacts(of.info)
	if err != nil {
		r := &view.Reading{}
		switch {
		case errors.Is(err, read.ErrNothingReadable) && of.opts.Quick && len(of.info.Layers) > 0:
			r.Search = "?search=all"
		case !errors.Is(err, read.ErrNothingReadable):
			r.Problem = h.explain(err)
		default:
			return nil, facts
		}
		return r, facts
	}
	for _, f := range doc.Facts {
		facts = append(facts, view.Field{Name: f.Name, Value: f.Value})
	}
	if doc.Text == "" && doc.SBOM == nil && doc.Outline == nil {
		return nil, facts
	}
	links := prose.Links{}
	if k, _ := kinds.Lookup(of.info.Kind); !k.Pull.PathInTar { // else its files are in a file
		links = view.LinksFrom(c.base+of.path, doc.Path)
	}
	return view.NewReading(doc, links), facts
}
