package web

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/untrusted"
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

const (
	// maxShown bounds the characters of a text on the first page of an artifact, and of a file that is shown.
	maxShown = 256 << 10
	// maxRows bounds the rows of a summary on the first page.
	maxRows = 200
)

// reading reads what explains an artifact, and the facts about it. It is nil for an artifact that nothing explains.
func (h *handler) reading(ctx context.Context, c *call, of readingOf) (*reading, []field) {
	doc, err := read.Readable(ctx, of.target, of.info.Digest.String(), of.opts)
	facts := weightFacts(of.info)
	if err != nil {
		r := &reading{}
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
		facts = append(facts, field{f.Name, f.Value})
	}
	if doc.Text == "" && doc.SBOM == nil && doc.Outline == nil {
		return nil, facts
	}
	links := prose.Links{}
	if k, _ := kinds.Lookup(of.info.Kind); !k.Pull.PathInTar { // else its files are in a file
		links = linksFrom(c.base+of.path, doc.Path)
	}
	return newReading(doc, links), facts
}

// newReading lays a document out.
func newReading(doc *read.Document, links prose.Links) *reading {
	r := &reading{Title: doc.Path, Verified: doc.Verified}
	switch {
	case doc.SBOM != nil:
		r.summarize(doc)
	case doc.Outline != nil:
		if doc.Outline.Summary != "" {
			r.Summary = append(r.Summary, field{"summary", doc.Outline.Summary})
		}
		for _, f := range doc.Outline.Fields {
			r.Summary = append(r.Summary, field{f.Name, f.Value})
		}
		r.Columns, r.Rows = doc.Outline.Columns, doc.Outline.Rows[:min(len(doc.Outline.Rows), maxRows)]
		r.More = len(doc.Outline.Rows) - len(r.Rows)
	case doc.IsMarkdown():
		r.HTML = prose.Render(doc.Text, links)
	default:
		r.Text = clip(doc.Text)
	}
	if doc.Signature != "" {
		r.Summary = append(r.Summary, field{"signed", doc.Signature})
	}
	return r
}

// clip shortens a text to what one page shows, and makes it safe to read.
func clip(text string) string {
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "\n…"
	}
	return untrusted.Ordered(strings.ToValidUTF8(text, "\uFFFD"))
}

// summarize lays the summary of a software bill of materials out.
func (r *reading) summarize(doc *read.Document) {
	o := doc.SBOM.Outline()
	r.Summary = []field{{"summary", o.Summary}}
	if o.Name != "" {
		r.Summary = append(r.Summary, field{"about", o.Name})
	}
	if created := age(o.Created); created != "" {
		r.Summary = append(r.Summary, field{"created", created})
	}
	var most int64
	for _, l := range doc.SBOM.Licenses {
		most = max(most, int64(l.Components))
	}
	for _, l := range doc.SBOM.Licenses[:min(len(doc.SBOM.Licenses), maxBars)] {
		name := l.License
		if name == "" {
			name = "no license"
		}
		r.Bars = append(r.Bars, newBar(name, int64(l.Components), most))
	}
}

// weightFacts returns what the header of a file of model weights says.
func weightFacts(info *inspect.Info) []field {
	for _, l := range info.Layers {
		w := l.Weights
		if w == nil {
			continue
		}
		facts := []field{{"format", w.Format}}
		for _, f := range []field{{"parameters", w.Parameters}, {"quantization", w.Quantization}} {
			if f.Value != "" {
				facts = append(facts, f)
			}
		}
		for _, f := range fieldsOf(w.Metadata) {
			if !strings.HasPrefix(f.Name, "tokenizer.") && f.Value != "" && len(facts) < maxFields {
				facts = append(facts, f)
			}
		}
		return facts
	}
	return nil
}

// linksFrom returns where links in a file of an artifact lead: to other files of it.
func linksFrom(artifact, file string) prose.Links {
	to := func(view string) func(string) string {
		return func(destination string) string {
			name, ok := inArtifact(file, destination)
			if !ok {
				return ""
			}
			address := artifact + escapePath("/"+view+"/"+name)
			if _, place, found := strings.Cut(destination, "#"); found && place != "" {
				address += "#" + prose.AnchorPrefix + place
			}
			return address
		}
	}
	return prose.Links{Link: to("file"), Image: to("raw")}
}

// inArtifact returns the name of the file that a relative link in another file leads to.
func inArtifact(file, destination string) (string, bool) {
	destination, _, _ = strings.Cut(destination, "#")
	destination, _, _ = strings.Cut(destination, "?")
	name := unescapePath(destination)
	if rooted, ok := strings.CutPrefix(name, "/"); ok {
		name = path.Clean(rooted)
	} else {
		name = path.Join(path.Dir(file), name)
	}
	return name, name != "." && name != ".." && !strings.HasPrefix(name, "../") && !strings.HasPrefix(name, "/")
}
