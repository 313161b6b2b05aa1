package view

import (
	"cmp"
	"strings"

	"github.com/davit-oci/davit/internal/jsonwalk"
)

// Part is text, and the path of the page that it links to.
type Part struct{ Text, Path string }

// Pretty indents JSON, and returns other bytes as text. It shortens both to MaxShown.
func Pretty(raw []byte) string {
	return Clip(cmp.Or(jsonwalk.Indent(raw, MaxShown+1), string(raw)))
}

// Parts splits a text so that each digest in linked is a separate part, with its path.
func Parts(text string, linked map[string]string) []Part {
	var parts []Part
	begin, at := 0, 0
	for {
		i := strings.Index(text[at:], `"sha`)
		if i < 0 {
			return append(parts, Part{Text: text[begin:]})
		}
		at += i + 1
		end := strings.IndexByte(text[at:], '"')
		if end < 0 {
			end = len(text) - at
		}
		if to := linked[text[at:at+end]]; to != "" {
			parts = append(parts, Part{Text: text[begin:at]}, Part{text[at : at+end], to})
			begin = at + end
		}
		at += end
	}
}
