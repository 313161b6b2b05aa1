package look

import (
	"io"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/term/htmlpage"
	"github.com/davit-oci/davit/internal/term/markdown"
	"github.com/davit-oci/davit/pull/read"
)

// rendering is a document, rendered for a screen.
type rendering struct {
	*read.Document
	options markdown.Options
}

// WriteText renders the document.
func (r rendering) WriteText(w io.Writer) error {
	var text string
	switch {
	case r.SBOM != nil:
		return writeSBOM(w, r.Document)
	case r.Outline != nil:
		return writeOutline(w, r.Document)
	case r.IsMarkdown():
		text = renderPage(r.Document, nil, r.pageOptions())
	case r.IsHTML():
		text = renderPage(r.Document, htmlpage.Markdown, r.pageOptions())
	default:
		text = term.Text(indentJSON(r.Text))
	}
	head := renderFacts(r.Document, r.options)
	if r.Signature != "" {
		head = "signature  " + r.Signature + "\n\n" + head
	}
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	if err := writeOptions(w, r.Document); err != nil {
		return err
	}
	_, err := io.WriteString(w, text)
	return err
}

// maxDescription limits how many characters of the description of an option are shown.
const maxDescription = 200

// writeOptions prints the options of an artifact, below its facts.
func writeOptions(w io.Writer, doc *read.Document) error {
	if len(doc.Options) == 0 {
		return nil
	}
	var t term.Table
	t.Row("OPTION", "TYPE", "DEFAULT", "VALUES", "ABOUT")
	for _, o := range doc.Options {
		t.Row(o.Name, o.Type, o.Default, strings.Join(o.Values, ", "), term.Shorten(o.Description, maxDescription))
	}
	if doc.Text == "" && len(doc.Facts) > 0 { // otherwise, the facts end with an empty line
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
	}
	if err := t.WriteText(w); err != nil || doc.Text == "" {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// renderFacts renders the facts in the config of an artifact as a table, which is printed above the document if there is one.
func renderFacts(doc *read.Document, opts markdown.Options) string {
	if len(doc.Facts) == 0 {
		return ""
	}
	var fields []markdown.Field
	for _, f := range doc.Facts {
		fields = append(fields, markdown.Field(f))
	}
	if doc.Text == "" {
		return markdown.Header(fields, opts)
	}
	return markdown.Header(fields, opts) + "\n"
}

// pageOptions returns the options with the directory of the document, to which its links are relative.
func (r rendering) pageOptions() markdown.Options {
	opts := r.options
	if dir := path.Dir(r.Path); dir != "." {
		opts.Dir = dir
	}
	return opts
}

// renderPage renders a document below a table of its front matter. The table has neither a title that repeats the first heading nor fields
// that repeat the facts about the artifact. convert, if not nil, converts the text to Markdown.
func renderPage(doc *read.Document, convert func(string) string, opts markdown.Options) string {
	front, body := frontmatter.Read([]byte(doc.Text))
	if convert != nil {
		body = []byte(convert(string(body)))
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	var fields []markdown.Field
	for _, f := range front {
		heading := f.Name == "title" && strings.TrimSpace(first) == "# "+f.Value
		isFact := func(fact kind.Fact) bool { return fact.Name == f.Name && strings.EqualFold(fact.Value, f.Value) }
		if f.Value != "" && !heading && !slices.ContainsFunc(doc.Facts, isFact) {
			fields = append(fields, markdown.Field(f))
		}
	}
	rendered := markdown.Render(string(body), opts)
	if len(fields) == 0 {
		return rendered
	}
	return markdown.Header(fields, opts) + "\n" + rendered
}

// findLink returns the path of the first page in the artifact that a document in a directory links to, or "".
func findLink(doc *read.Document) string {
	dir := path.Dir(doc.Path)
	if dir == "." || doc.SBOM != nil || doc.Outline != nil {
		return ""
	}
	var text string
	switch {
	case doc.IsMarkdown():
		text = doc.Text
	case doc.IsHTML():
		text = htmlpage.Markdown(doc.Text)
	}
	for _, link := range markdown.Links(text, dir) {
		if read.IsPage(link) {
			return link
		}
	}
	return ""
}

// indentJSON indents JSON. It returns other text unchanged, and JSON that would become too long.
func indentJSON(text string) string {
	const most = 4 * read.MaxText
	if indented := jsonwalk.Indent([]byte(text), most); indented != "" && len(indented) < most {
		return indented
	}
	return text
}
