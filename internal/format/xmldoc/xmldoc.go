// Package xmldoc checks XML documents without building them (XML 1.0).
package xmldoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/davit-oci/davit/internal/format/bom"
)

// maxRead limits the part of a document that Check reads, in bytes. The decoder holds text between two tags in memory, whatever its
// length.
const maxRead = 16 << 20

// maxDepth limits the nesting of elements. An element takes memory until it is closed.
const maxDepth = 1000

// AnyCharset is an xml.Decoder.CharsetReader that converts nothing: in the character sets in use, markup is ASCII.
func AnyCharset(_ string, r io.Reader) (io.Reader, error) { return r, nil }

// Root returns the name of the root element of a document that begins with head. It fails if head is not XML or ends before the
// element.
func Root(head []byte) (xml.Name, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")) {
		return xml.Name{}, errors.New("it is not XML")
	}
	d := xml.NewDecoder(bytes.NewReader(head))
	d.CharsetReader = AnyCharset
	for {
		token, err := d.Token()
		if err != nil {
			return xml.Name{}, fmt.Errorf("it is not XML: %w", err)
		}
		if root, ok := token.(xml.StartElement); ok {
			return root.Name, nil
		}
	}
}

// Check checks a document. Unclosed elements and content after the root element are errors. Check ignores everything after maxRead
// bytes, and documents that declare an encoding other than UTF-8.
func Check(r io.Reader) error {
	limited, foreign := &io.LimitedReader{R: r, N: maxRead}, false
	d := xml.NewDecoder(bom.Skip(limited))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) {
		foreign = true
		return r, nil
	}
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if limited.N <= 0 || foreign || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("its XML is broken: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
			if depth > maxDepth {
				return fmt.Errorf("too many levels of nesting: limit is %d", maxDepth)
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				roots = 2
			}
		}
		if roots > 1 {
			return errors.New("something follows its root element")
		}
	}
}
