// Package bom handles the byte order marks of Unicode (Unicode Standard, section 23.8).
package bom

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf16"
)

// UTF8 is the byte order mark of UTF-8, which some editors write before text.
var UTF8 = []byte("\xef\xbb\xbf")

// Skip returns a reader of r without a leading UTF-8 byte order mark.
func Skip(r io.Reader) io.Reader {
	mark := make([]byte, len(UTF8))
	n, _ := io.ReadFull(r, mark)
	if bytes.Equal(mark[:n], UTF8) {
		return r
	}
	return io.MultiReader(bytes.NewReader(mark[:n]), r)
}

// ToUTF8 removes a leading byte order mark. If the mark is that of UTF-16, which Windows tools write, it converts the text to UTF-8.
func ToUTF8(text []byte) []byte {
	order := binary.ByteOrder(binary.LittleEndian)
	switch {
	case bytes.HasPrefix(text, UTF8):
		return text[len(UTF8):]
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		order = binary.BigEndian
	case !bytes.HasPrefix(text, []byte("\xff\xfe")):
		return text
	}
	units := make([]uint16, 0, len(text)/2)
	for text = text[2:]; len(text) > 1; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(string(utf16.Decode(units)))
}

// WideJSON returns "UTF-16" or "UTF-32" if head begins with a JSON object or array in that encoding, with or without a byte
// order mark, and "" otherwise. The first character of JSON is ASCII, so the zero bytes around it show the encoding (RFC 4627, section 3).
func WideJSON(head []byte) string {
	for _, e := range []struct {
		name, mark, format string
	}{
		{"UTF-32", "\xff\xfe\x00\x00", "%c\x00\x00\x00"}, {"UTF-32", "\x00\x00\xfe\xff", "\x00\x00\x00%c"},
		{"UTF-16", "\xff\xfe", "%c\x00"}, {"UTF-16", "\xfe\xff", "\x00%c"},
	} {
		text := bytes.TrimPrefix(head, []byte(e.mark))
		for skipped := true; skipped; {
			skipped = false
			for _, space := range " \t\r\n" {
				rest, ok := bytes.CutPrefix(text, fmt.Appendf(nil, e.format, space))
				text, skipped = rest, skipped || ok
			}
		}
		if bytes.HasPrefix(text, fmt.Appendf(nil, e.format, '{')) || bytes.HasPrefix(text, fmt.Appendf(nil, e.format, '[')) {
			return e.name
		}
	}
	return ""
}
