// Package outline defines the common form of the metadata of documents: a name, a time, and the facts to show.
package outline

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"
)

// Outline is the metadata of a document. Its JSON is for scripts.
type Outline struct {
	Name    string     `json:"name,omitempty"` // distinguishes the document from others of its type about the same subject
	Created time.Time  `json:"created,omitzero"`
	Summary string     `json:"summary,omitempty"` // one line
	Fields  []Field    `json:"fields,omitempty"`
	Columns []string   `json:"columns,omitempty"` // of Rows
	Rows    [][]string `json:"rows,omitempty"`    // most important first

	// Totals counts the rows by their first column, including rows beyond MaxRows. It may be nil.
	Totals      []Count           `json:"-"`
	Annotations map[string]string `json:"-"` // for the manifest of the document if it is attached
}

// Field is a named fact about a document.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// MaxRows limits the rows of an outline, and the distinct names that the reader of a format counts.
const MaxRows = 10_000

// AddField adds a field, unless the value is "". Inlined, it would add 6 KB to the program.
//
//go:noinline
func (o *Outline) AddField(name, value string) {
	if value != "" {
		o.Fields = append(o.Fields, Field{name, value})
	}
}

// Clip shortens a name to 200 characters, so that it fits on a line and many names fit into memory. A shortened name ends with "...".
// Inlined, it would add 8 KB to the program.
//
//go:noinline
func Clip(s string) string {
	const most = 200
	if runes := []rune(s[:min(len(s), utf8.UTFMax*(most+1))]); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return s
}

// Time parses a time in the format of RFC 3339, with or without a zone, and returns it in UTC. It returns the zero time for other text
// and for times before 1970.
func Time(s string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() > 0 {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Count is a name and the number of items with the name, such as "error" and 2.
type Count struct {
	Name string
	N    int
}

// Counts formats counts and leaves out zeros: "2 errors, 1 warning". If plural is true, a name gets an "s" if its count is above 1.
// Counts returns none if all counts are zero.
func Counts(none string, plural bool, counts ...Count) string {
	var parts []string
	for _, c := range counts {
		switch {
		case c.N == 0:
		case plural && c.N > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", c.N, c.Name))
		default:
			parts = append(parts, fmt.Sprintf("%d %s", c.N, c.Name))
		}
	}
	if len(parts) == 0 {
		return none
	}
	return strings.Join(parts, ", ")
}

// ReadFile opens a file and returns the result of read, or an empty outline if the file can't be opened or read fails.
func ReadFile(fsys fs.FS, name string, read func(r io.Reader) (*Outline, error)) *Outline {
	f, err := fsys.Open(name)
	if err != nil {
		return &Outline{}
	}
	defer f.Close()
	o, err := read(f)
	if err != nil {
		return &Outline{}
	}
	return o
}
