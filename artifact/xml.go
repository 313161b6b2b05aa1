package artifact

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/davit-oci/davit/internal/tree"
)

// maxXML is how much of an XML document is looked through for being whole: the decoder holds a single text of that size.
const maxXML = 16 << 20

// passCharset leaves the bytes of another character set as they are: markup is ASCII in those that are in use.
func passCharset(_ string, r io.Reader) (io.Reader, error) { return r, nil }

// rootElement reads an XML document up to its root element.
func rootElement(head []byte) (xml.Name, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")) {
		return xml.Name{}, errors.New("it is not XML")
	}
	d := xml.NewDecoder(bytes.NewReader(head))
	d.CharsetReader = passCharset
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

// checkXML reads an XML document to its end: elements that are not closed, and what follows the root element, are errors.
// What lies behind maxXML, or is in another character set than UTF-8, is not looked at.
func checkXML(r io.Reader) error {
	limited, foreign := &io.LimitedReader{R: r, N: maxXML}, false
	d := xml.NewDecoder(tree.WithoutBOM(limited))
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
