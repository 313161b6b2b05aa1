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

// maxRead limits the part of a document that Check reads, in bytes: the decoder holds a text of any length in memory.
const maxRead = 16 << 20

// maxDepth bounds the nesting of elements, each of which takes memory until it is closed.
const maxDepth = 1000

// AnyCharset is an xml.Decoder.CharsetReader that converts nothing: in the character sets in use, markup is ASCII.
func AnyCharset(_ string, r io.Reader) (io.Reader, error) { return r, nil }

// Root returns the name of the root element of a document that begins with head.
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

// Check reads a document to its end. Unclosed elements and content after the root element are errors. It does not check
// beyond maxRead, nor documents that are not in UTF-8.
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
				return fmt.Errorf("it has more than %d levels of elements", maxDepth)
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
