package view

import (
	"path"
	"slices"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
)

// Reading is the document of an artifact, prepared for a page.
type Reading struct {
	Title    string // the name of the file
	HTML     template.HTML
	Text     string
	Cut      bool // HTML or Text is only the beginning
	Verified bool
	Problem  string
	Summary  []Field
	Table    *Table
	Caption  string // of Bars
	Bars     []Bar
	Search   string // query string that searches all layers
}

const (
	// MaxShown limits the bytes of a document or file on a page.
	MaxShown = 256 << 10
	// firstRows limits the rows of a table on the first page.
	firstRows = 50
)

// NewReading prepares a document for a page. The argument artifact is the path of the page about the artifact.
func NewReading(doc *read.Document, artifact string, links prose.Links) *Reading {
	r := &Reading{Title: doc.Path, Verified: doc.Verified, Table: NewTable(doc, artifact+RowsPath, nil, firstRows)}
	switch {
	case doc.SBOM != nil:
		r.summarize(doc)
	case doc.Outline != nil:
		for _, f := range doc.Outline.Fields {
			r.Summary = append(r.Summary, Field{f.Name, f.Value})
		}
		if all := rowsOf(doc); len(all.Rows) > 0 {
			r.Caption, r.Bars = all.levelBars()
		}
	case doc.IsMarkdown():
		text := doc.Text
		if r.Cut = len(text) > MaxShown; r.Cut {
			text = strings.ToValidUTF8(text[:MaxShown], "")
		}
		r.HTML = prose.Render(text, links)
	default:
		r.Text, r.Cut = Clip(doc.Text), len(doc.Text) > MaxShown
	}
	if doc.Signature != "" {
		r.Summary = append(r.Summary, Field{"signed", doc.Signature})
	}
	return r
}

// Clip shortens a text to MaxShown bytes, and replaces the characters that would make it appear in another order.
func Clip(text string) string {
	if len(text) > MaxShown {
		text = strings.ToValidUTF8(text[:MaxShown], "") + "\n…"
	}
	return untrusted.Ordered(strings.ToValidUTF8(text, "\uFFFD"))
}

// summarize adds the summary and the licenses of a software bill of materials.
func (r *Reading) summarize(doc *read.Document) {
	o := doc.SBOM.Outline()
	r.Summary = []Field{{"summary", o.Summary}}
	if o.Name != "" {
		r.Summary = append(r.Summary, Field{"about", o.Name})
	}
	if created := Day(o.Created); created != "" {
		r.Summary = append(r.Summary, Field{"created", created})
	}
	r.Caption = "Components by license"
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

// Facts returns facts about an artifact, and those in the header of its model weights that they lack.
func Facts(known []kind.Fact, info *inspect.Info) []Field {
	var facts []Field
	for _, f := range known {
		facts = append(facts, Field(f))
	}
	for _, f := range weightFacts(info) {
		if !slices.ContainsFunc(facts, func(k Field) bool { return k.Name == f.Name }) {
			facts = append(facts, f)
		}
	}
	return facts
}

// weightFacts returns facts from the header of the first layer with model weights.
func weightFacts(info *inspect.Info) []Field {
	for _, l := range info.Layers {
		w := l.Weights
		if w == nil {
			continue
		}
		facts := []Field{{"format", w.Format}}
		for _, f := range []Field{{"parameters", w.Parameters}, {"quantization", w.Quantization}} {
			if f.Value != "" {
				facts = append(facts, f)
			}
		}
		for _, f := range FieldsOf(w.Metadata) {
			if !strings.HasPrefix(f.Name, "tokenizer.") && f.Value != "" && len(facts) < maxFields {
				facts = append(facts, f)
			}
		}
		return facts
	}
	return nil
}

// LinksFrom resolves the links and images in a file of an artifact to other files of the artifact. The argument artifact is
// the path of the page about the artifact.
func LinksFrom(artifact, file string) prose.Links {
	to := func(view string) func(string) string {
		return func(destination string) string {
			name, ok := resolveLink(file, destination)
			if !ok {
				return ""
			}
			address := artifact + EscapePath("/"+view+"/"+name)
			if _, place, found := strings.Cut(destination, "#"); found && place != "" {
				address += "#" + prose.AnchorPrefix + place
			}
			return address
		}
	}
	return prose.Links{Link: to("file"), Image: to("raw")}
}

// resolveLink returns the name of the file that a relative link in a file leads to. It returns false for one outside the artifact.
func resolveLink(file, destination string) (string, bool) {
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
