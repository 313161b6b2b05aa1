// Package markdown renders Markdown for terminals. The output has only printable characters and the styles of this package.
// Without styles, it is plain text in the same layout.
package markdown

import (
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/markup"
	"github.com/davit-oci/davit/internal/term"
	"github.com/yuin/goldmark/ast"
)

// Options describe the output.
type Options struct {
	Width  int  // columns; less than 20 count as 20
	Styled bool // with ANSI escape sequences for bold and color
	// Dir is the directory of the document. Relative links are shown as paths that are relative to the same directory as Dir. If Dir
	// is "", links are not changed.
	Dir string
}

const (
	minWidth = 20
	// maxDepth limits the indentation of quotes and lists. Deeper ones are not indented further.
	maxDepth = 12
)

// Render renders a CommonMark document with GitHub's tables, alerts, and deleted text. If the document is too large or too
// complex to be parsed in reasonable time, Render returns its source.
func Render(document string, opts Options) string {
	document = strings.ReplaceAll(document, "\r\n", "\n")
	root, source := markup.Parse(document)
	if root == nil {
		return term.Text(document)
	}
	r := &renderer{source: source, styled: opts.Styled, dir: opts.Dir}
	var b strings.Builder
	for _, l := range r.blocks(root, max(minWidth, opts.Width), 0) {
		b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
	return b.String()
}

// Field is a line of a header.
type Field struct{ Name, Value string }

// Header renders fields in two columns.
func Header(fields []Field, opts Options) string {
	r := &renderer{styled: opts.Styled}
	names := 0
	for _, f := range fields {
		names = max(names, term.Width(escapeProse(f.Name)))
	}
	names = min(names, max(minWidth, opts.Width)/3)
	var b strings.Builder
	for _, f := range fields {
		name := escapeProse(f.Name)
		gap := strings.Repeat(" ", max(0, names-term.Width(name))+2)
		lines := r.wrap([]span{{text: escapeProse(f.Value)}}, max(minWidth, opts.Width-names-2), false)
		for _, l := range hang(lines, r.paint(name, dim)+gap, strings.Repeat(" ", names+2)) {
			b.WriteString(strings.TrimRight(l, " ") + "\n")
		}
	}
	return b.String()
}

// renderer renders one document.
type renderer struct {
	source []byte
	styled bool
	inCell bool // of a table
	dir    string
}

func (r *renderer) paint(text string, s style) string {
	if !r.styled {
		return text
	}
	return paint(text, s)
}

// blocks renders the blocks in a container, with an empty line between them.
func (r *renderer) blocks(parent ast.Node, columns, depth int) []string {
	columns = max(minWidth, columns)
	var out []string
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		lines := r.block(n, columns, depth)
		if len(lines) == 0 {
			continue
		}
		if len(out) > 0 && !isInTightList(n) {
			out = append(out, "")
		}
		out = append(out, lines...)
	}
	return out
}

// isInTightList reports whether a block is in a list whose items have no empty lines between them.
func isInTightList(n ast.Node) bool {
	if n.Kind() == ast.KindListItem {
		return n.Parent().(*ast.List).IsTight
	}
	item, ok := n.Parent().(*ast.ListItem)
	if !ok {
		return false
	}
	list, ok := item.Parent().(*ast.List)
	return ok && list.IsTight
}

func (r *renderer) block(n ast.Node, columns, depth int) []string {
	switch n := n.(type) {
	case *ast.Heading:
		return r.heading(n, columns)
	case *ast.Paragraph, *ast.TextBlock:
		return hang(r.wrap(r.inline(n, 0), columns, false), "", "")
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		return r.code(n)
	case *ast.Blockquote:
		return r.quote(n, columns, depth)
	case *ast.List:
		return r.list(n, columns, depth)
	case *ast.ThematicBreak:
		return []string{r.paint(strings.Repeat("─", columns), dim)}
	case *ast.HTMLBlock:
		return r.html(n, columns)
	case *markup.Table:
		return r.table(n, columns)
	}
	return r.blocks(n, columns, depth)
}

// underlines are drawn below headings, by their level.
var underlines = []string{1: "═", 2: "─"}

func (r *renderer) heading(n *ast.Heading, columns int) []string {
	lines := r.wrap(r.inline(n, bold), columns, false)
	widest := 0
	for _, l := range lines {
		widest = max(widest, l.width)
	}
	out := hang(lines, "", "")
	if widest == 0 {
		return nil
	}
	if n.Level < len(underlines) {
		out = append(out, r.paint(strings.Repeat(underlines[n.Level], widest), dim))
	}
	return out
}

// code renders a code block. Its lines are never wrapped, so that they can be copied.
func (r *renderer) code(n ast.Node) []string {
	var out []string
	lines := n.Lines()
	for i := range lines.Len() {
		at := lines.At(i)
		l := term.EscapeText(strings.TrimRight(string(at.Value(r.source)), "\n"))
		if l != "" {
			l = "    " + r.paint(l, code)
		}
		out = append(out, l)
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

func (r *renderer) quote(n *ast.Blockquote, columns, depth int) []string {
	if depth >= maxDepth {
		return r.blocks(n, columns, depth)
	}
	bar := r.paint("│", dim) + " "
	lines := r.blocks(n, columns-2, depth+1)
	if title, ok := markup.AlertTitle(n); ok {
		lines = append([]string{r.paint(title, bold)}, lines...)
	}
	for i, l := range lines {
		lines[i] = bar + l
	}
	return lines
}

func (r *renderer) list(n *ast.List, columns, depth int) []string {
	marks := 1
	if n.IsOrdered() {
		marks = len(strconv.Itoa(n.Start+n.ChildCount()-1)) + 1
	}
	indent := strings.Repeat(" ", marks+3)
	if depth >= maxDepth {
		indent = ""
	}
	var out []string
	number := n.Start
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		mark := "•"
		if n.IsOrdered() {
			mark = strconv.Itoa(number) + "."
			number++
		}
		lines := r.blocks(item, columns-len(indent), depth+1)
		if len(lines) == 0 {
			lines = []string{""}
		}
		if len(out) > 0 && !n.IsTight {
			out = append(out, "")
		}
		for i, l := range lines {
			if i == 0 {
				out = append(out, strings.Repeat(" ", max(0, len(indent)-1-term.Width(mark)))+r.paint(mark, dim)+" "+l)
			} else {
				out = append(out, indent+l)
			}
		}
	}
	return out
}

// html renders the visible text of an HTML block.
func (r *renderer) html(n *ast.HTMLBlock, columns int) []string {
	var b strings.Builder
	lines := n.Lines()
	for i := range lines.Len() {
		at := lines.At(i)
		b.Write(at.Value(r.source))
	}
	if n.HasClosure() {
		b.Write(n.ClosureLine.Value(r.source))
	}
	var out []string
	for l := range strings.Lines(markup.TagText(b.String())) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, hang(r.wrap([]span{{text: escapeProse(l)}}, columns, false), "", "")...)
		}
	}
	return out
}

// hang puts one prefix before the first line and another before the other lines.
func hang(lines []line, first, others string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		if out[i] = others + l.text; i == 0 {
			out[i] = first + l.text
		}
	}
	return out
}
