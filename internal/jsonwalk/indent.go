package jsonwalk

import (
	"encoding/json"
	"strings"
)

// maxIndent limits the levels of indentation. Each line repeats the indentation, so 4 MiB of values nested 9,000 levels deep
// would otherwise become gigabytes.
const maxIndent = 64

// Indent formats a JSON document with one value on each line. It indents by two spaces for each level, at most maxIndent levels,
// and cuts off the result after most bytes. It returns "" for text that is not JSON.
func Indent(data []byte, most int) string {
	if !json.Valid(data) {
		return ""
	}
	in := indenter{}
	for _, c := range data {
		if in.Len() >= most {
			break
		}
		in.add(c)
	}
	return in.String()[:min(in.Len(), most)]
}

// indenter writes JSON with a line for each value.
type indenter struct {
	strings.Builder
	level           int
	opened          bool // the last byte began an object or list
	quoted, escaped bool
}

// add writes a byte of the document with the white space around it.
func (in *indenter) add(c byte) {
	switch {
	case in.quoted:
		in.quoted, in.escaped = in.escaped || c != '"', !in.escaped && c == '\\'
	case c == ' ', c == '\t', c == '\n', c == '\r':
		return
	case c == '}', c == ']':
		in.level--
		if !in.opened {
			in.newLine()
		}
		in.opened = false
	default:
		if in.opened {
			in.newLine()
		}
		in.opened = c == '{' || c == '['
		in.quoted = c == '"'
	}
	in.WriteByte(c)
	switch {
	case in.quoted:
	case in.opened:
		in.level++
	case c == ',':
		in.newLine()
	case c == ':':
		in.WriteByte(' ')
	}
}

// newLine begins an indented line.
func (in *indenter) newLine() {
	in.opened = false
	in.WriteByte('\n')
	in.WriteString(strings.Repeat("  ", min(in.level, maxIndent)))
}
