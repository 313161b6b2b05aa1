// Package jsonc reads JSON with comments and trailing commas, as editors and dev containers write it.
package jsonc

import (
	"bytes"

	"github.com/davit-oci/davit/internal/format/bom"
)

// ToJSON removes a byte order mark and replaces comments and trailing commas with spaces. All other bytes keep their offsets, counted
// after the byte order mark.
func ToJSON(data []byte) []byte {
	out := bytes.Clone(bytes.TrimPrefix(data, bom.UTF8))
	comma := -1 // the offset of a comma with only white space after it so far
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			comma = -1
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case c == '/' && i+1 < len(out) && (out[i+1] == '/' || out[i+1] == '*'):
			i = blankComment(out, i)
		case c == ',':
			comma = i
		case (c == '}' || c == ']') && comma >= 0:
			out[comma], comma = ' ', -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return out
}

// blankComment replaces the comment that begins at i, except line breaks, with spaces and returns the offset of its last byte.
func blankComment(out []byte, i int) int {
	end := []byte("\n")
	if out[i+1] == '*' {
		end = []byte("*/")
	}
	n := bytes.Index(out[i+2:], end)
	if n < 0 {
		n = len(out) - i - 2 - len(end)
	}
	stop := min(max(i+2+n+len(end), i+2), len(out))
	for j := i; j < stop; j++ {
		if out[j] != '\n' {
			out[j] = ' '
		}
	}
	return stop - 1
}
