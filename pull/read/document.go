package read

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/dsse"
	"github.com/davit-oci/davit/internal/format/sbom"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/pull/internal/rank"
)

// mayBeSBOM reports whether a layer may be a software bill of materials, or contain one in an envelope.
func (s *search) mayBeSBOM(it *fetch.Item) bool { return s.kind.Pull.Readings[it.Role] == kind.Bill }

// summarize reads a software bill of materials. Text that is not a valid bill is treated like other text.
func (s *search) summarize(r io.Reader, it *fetch.Item) (*Document, error) {
	verified := manifest.NewVerifyReader(r, it.Desc)
	head := &headWriter{}
	all := io.TeeReader(&stickyReader{r: verified}, head)
	readBill := sbom.Read
	if s.opts.Rows {
		readBill = sbom.ReadAll
	}
	summary, readErr := readBill(all)
	if _, err := io.Copy(io.Discard, all); err != nil {
		return nil, fetch.RefuseMismatch(err, it.Desc)
	}
	if err := verified.Verify(); err != nil {
		return nil, fetch.RefuseMismatch(err, it.Desc)
	}
	switch {
	case readErr != nil && it.Desc.Size > MaxText:
		return nil, errTooLong
	case readErr != nil:
		return newStatement(it, head.buf)
	}
	doc := &Document{Path: it.Name, MediaType: it.Desc.MediaType, SBOM: summary}
	if summary.Enveloped {
		doc.Signature = NotVerified
	}
	if it.Desc.Size <= MaxText {
		doc.Text = string(head.buf)
	}
	return doc, nil
}

// addOutline adds a summary if the artifact itself is a document.
func (s *search) addOutline(doc *Document) {
	if s.kind.Outline == nil || s.layer == nil || doc.SBOM != nil || doc.Text == "" {
		return
	}
	if reading := s.kind.Pull.Readings[s.layer.Role]; reading != kind.Itself && reading != kind.Bill {
		return
	}
	read := s.kind.Outline
	if s.opts.Rows && s.kind.Rows != nil {
		read = s.kind.Rows
	}
	if o, err := read(strings.NewReader(doc.Text), doc.MediaType); err == nil && len(o.Fields) > 0 {
		doc.Outline = o
	}
}

// newStatement returns a document for the content of a signed envelope, or for text that is not an envelope.
func newStatement(it *fetch.Item, text []byte) (*Document, error) {
	if content, mediaType := dsse.Open(text); mediaType != "" {
		if doc, err := newDocument(it.Name, mediaType, content); err == nil {
			doc.Signature = NotVerified
			return doc, nil
		}
	}
	return newDocument(it.Name, it.Desc.MediaType, text)
}

// newDocument returns a document for a text. It returns ErrNotReadable for content that is not text.
func newDocument(name, mediaType string, text []byte) (*Document, error) {
	if bytes.IndexByte(text[:min(len(text), 8<<10)], 0) >= 0 {
		return nil, fmt.Errorf("%s is not text: %w", name, ErrNotReadable)
	}
	return &Document{Path: name, MediaType: cmp.Or(mediaType, rank.TextType(name)), Text: string(text)}, nil
}

// IsHTML reports whether the text is HTML.
func (d *Document) IsHTML() bool {
	ext := strings.ToLower(path.Ext(d.Path))
	return d.MediaType == "text/html" || ext == ".html" || ext == ".htm"
}

// IsPage reports whether a file is a text document, by its name.
func IsPage(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm", ".rst", ".adoc", ".asciidoc", ".txt":
		return true
	}
	return rank.IsMarkdown(name, "")
}

// IsMarkdown reports whether the text is Markdown.
func (d *Document) IsMarkdown() bool { return rank.IsMarkdown(d.Path, d.MediaType) }
