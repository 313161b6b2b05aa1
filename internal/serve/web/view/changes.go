package view

import (
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/davit-oci/davit/pull/diff"
)

// Changes are the differences between two artifacts.
type Changes struct {
	Same   bool
	Files  []ChangedFile
	More   int // files that are not shown
	Fields []ChangedFields
}

// ChangedFile is a file that differs.
type ChangedFile struct {
	Path   string
	Change string
	Lines  []ChangedLine
}

// ChangedLine is a line of a diff, with its CSS class.
type ChangedLine struct{ Class, Text string }

// ChangedFields are the fields of the config, the annotations, or the manifest that differ.
type ChangedFields struct {
	Name string
	Rows []ChangedField
}

// ChangedField is a field with both values. A missing value is empty.
type ChangedField struct{ Name, From, To string }

const (
	// maxChanged limits the files on a page, and maxChangedLines the lines.
	maxChanged      = 500
	maxChangedLines = 5000
)

// NewChanges prepares the differences between two artifacts for a page.
func NewChanges(d *diff.Difference) *Changes {
	v := &Changes{Same: d.Same}
	lines := maxChangedLines
	for i, f := range d.Files {
		if i == maxChanged {
			v.More = len(d.Files) - i
			break
		}
		file := ChangedFile{Path: f.Path, Change: string(f.Change)}
		if f.Text != "" && lines > 0 {
			file.Lines = changedLines(f.Text, lines)
			lines -= len(file.Lines)
		}
		v.Files = append(v.Files, file)
	}
	for _, part := range []ChangedFields{{"Config", changedFields(d.Config)}, {"Annotations", changedFields(d.Annotations)}, {"Manifest", changedFields(d.Manifest)}} {
		if len(part.Rows) > 0 {
			v.Fields = append(v.Fields, part)
		}
	}
	return v
}

// changedLines splits a diff into lines. It ends with "…" if there are more than most.
func changedLines(text string, most int) []ChangedLine {
	var lines []ChangedLine
	for line := range strings.Lines(text) {
		if len(lines) == most {
			return append(lines, ChangedLine{"note", "…"})
		}
		class := ""
		switch line[0] {
		case '+':
			class = "add"
		case '-':
			class = "cut"
		case '@':
			class = "note"
		}
		lines = append(lines, ChangedLine{class, untrusted.Ordered(strings.ToValidUTF8(line, "\uFFFD"))})
	}
	return lines
}

// changedFields returns fields that differ, with their values as text.
func changedFields(all []diff.FieldChange) []ChangedField {
	var rows []ChangedField
	for _, f := range all[:min(len(all), maxChanged)] {
		rows = append(rows, ChangedField{f.Field, valueText(f.From), valueText(f.To)})
	}
	return rows
}

func valueText(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
