package term_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/term"
)

// TestTableOnNarrowScreens checks the layout of rows that do not fit.
func TestTableOnNarrowScreens(t *testing.T) {
	t.Parallel()
	var files, fields, result term.Table
	files.Header("MODE", "BYTES", "NAME")
	files.Row("-rw-r--r--", "83", "LICENSE")
	files.Row("-rw-r--r--", "144", "docs/chat_template.jinja")
	fields.Row("  format", "string", "one of gguf and safetensors; read from the weights")
	fields.Row("  size", "string", "of the weights")
	result.Row("pushed", "registry.example.com/models/tiny:1.0")
	result.Row("kind", "model")
	for _, test := range []struct {
		table *term.Table
		width int
		want  string
	}{
		{&files, 0, "-rw-r--r--  83   LICENSE\n-rw-r--r--  144  docs/chat_template.jinja\n"},
		{&files, 43, "MODE        BYTES  NAME\n-rw-r--r--  83     LICENSE\n-rw-r--r--  144    docs/chat_template.jinja\n"},
		{&files, 42, "MODE        BYTES\n    NAME\n-rw-r--r--  83\n    LICENSE\n-rw-r--r--  144\n    docs/chat_template.jinja\n"},
		{&files, 25, "MODE        BYTES\n    NAME\n-rw-r--r--  83\n    LICENSE\n-rw-r--r--  144\n docs/chat_template.jinja\n"},
		{&fields, 40, "  format  string  one of gguf and\n                  safetensors; read from\n                  the weights\n  size    string  of the weights\n"},
		{&fields, 30, "  format  string\n      one of gguf and\n      safetensors; read from\n      the weights\n  size    string\n      of the weights\n"},
		{&result, 44, "pushed  registry.example.com/models/tiny:1.0\nkind    model\n"},
		{&result, 40, "pushed\n    registry.example.com/models/tiny:1.0\nkind    model\n"},
		{&result, 36, "pushed\nregistry.example.com/models/tiny:1.0\nkind    model\n"},
		{&result, 20, "pushed  registry.example.com/models/tiny:1.0\nkind    model\n"},
	} {
		out := &term.Screen{Width: test.width}
		if err := test.table.WriteText(out); err != nil || out.String() != test.want {
			t.Errorf("width %d: got %v and\n%s\nwant\n%s", test.width, err, out, test.want)
		}
	}
}

// TestFewLongNames checks that one long name among many does not add a second line to every row.
func TestFewLongNames(t *testing.T) {
	t.Parallel()
	var table term.Table
	for i := range 20 {
		table.Row("-rw-r--r--", "1 B", fmt.Sprint("name-", i))
	}
	table.Row("-rw-r--r--", "1 B", strings.Repeat("x", 40))
	out := &term.Screen{Width: 50}
	if err := table.WriteText(out); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 22 {
		t.Errorf("got %v and\n%s\nwant 22 lines", err, out)
	}
}

// TestWordsStayWhole checks that tables and trees of many widths contain every word, and that a line fits unless it has only one
// word.
func TestWordsStayWhole(t *testing.T) {
	t.Parallel()
	const sentence = "what a scanner of the organization found, and-how-bad-each-of-them-is"
	for width := 10; width < 120; width++ {
		for cells := 1; cells < 6; cells++ {
			var table term.Table
			root := term.NewTree("registry.example.com/a:1", "sum")
			words := strings.Fields("registry.example.com/a:1 sum")
			for i := range 3 {
				row := make([]string, cells)
				for j := range row {
					row[j] = sentence[:min(len(sentence), (7*i+13*j+5)%len(sentence)+1)]
					words = append(words, strings.Fields(row[j])...)
				}
				table.Row(row...)
				root.Add(row...)
			}
			out := &term.Screen{Width: width}
			if err := errors.Join(root.WriteText(out), table.WriteText(out)); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				text := strings.TrimLeft(strings.TrimSpace(line), "├└│─ ")
				if term.Width(line)-1 > width && strings.Contains(text, " ") {
					t.Errorf("width %d: got the line %q, want at most the width", width, line)
				}
			}
			for _, word := range words {
				if !strings.Contains(out.String(), word) {
					t.Errorf("width %d: got\n%s\nwant it to contain %q", width, out, word)
				}
			}
		}
	}
}

// TestShortFirstCells checks that text is wrapped beside a first cell that is narrower than the indentation of the other lines.
func TestShortFirstCells(t *testing.T) {
	t.Parallel()
	for _, cells := range [][]string{{"A", "a b c d e f g h i j k l m n"}, {"A", "", "", "a b c d e f g h i j k l m n"}, {"", "a b c d e f g h i j k l m n"}} {
		var table term.Table
		table.Row(cells...)
		out := &term.Screen{Width: 24}
		if err := table.WriteText(out); err != nil || strings.Join(strings.Fields(out.String()), " ") != strings.TrimSpace(cells[0]+" a b c d e f g h i j k l m n") {
			t.Errorf("%q: got %v and %q", cells, err, out)
		}
	}
}

// TestLongCells checks that one long cell does not make the other rows as long, whatever its column is.
func TestLongCells(t *testing.T) {
	t.Parallel()
	for column := range 3 {
		for _, width := range []int{0, 80} {
			var table term.Table
			long := []string{"x", "y", "z"}
			long[column] = strings.Repeat("long ", 20_000)
			for range 100 {
				table.Row("a", "", "c")
			}
			table.Row(long...)
			out := &term.Screen{Width: width}
			if err := table.WriteText(out); err != nil || out.Len() > 1_000_000 {
				t.Errorf("column %d, width %d: got %v and %d bytes, want at most 1,000,000", column, width, err, out.Len())
			}
		}
	}
}

// TestHeadingsInTables checks that a row of one cell does not widen the first column on a screen, and that wrapped text stays in its
// column.
func TestHeadingsInTables(t *testing.T) {
	t.Parallel()
	var table term.Table
	table.Row("programs and containers")
	table.Row("  image", "files as a container image")
	table.Row("  volume", "a volume")
	const want = "programs and containers\n  image   files as a container\n          image\n  volume  a volume\n"
	out := &term.Screen{Width: 32}
	if err := table.WriteText(out); err != nil || out.String() != want {
		t.Errorf("got %v and\n%s\nwant\n%s", err, out, want)
	}
}
