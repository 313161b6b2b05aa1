// Package htmlpage converts HTML pages to Markdown, so that they are shown like other documents.
package htmlpage

import (
	"fmt"
	"html"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
)

// Markdown returns the readable part of a page: its headings, text, lists, tables, code, and links. Scripts, styles, and
// other elements that browsers do not show are left out.
func Markdown(page string) string {
	c := &converter{lexer: lexer{text: page}}
	for {
		t, ok := c.next()
		if !ok {
			break
		}
		c.convert(t)
	}
	c.flush()
	if c.title != "" && !c.hasTitle {
		return "# " + escape(c.title) + "\n\n" + c.out.String()
	}
	return c.out.String()
}

// converter converts the tokens of one page.
type converter struct {
	lexer
	out      strings.Builder
	line     strings.Builder // the text of the current block
	heading  int             // level of the current block; 0 if it is not a heading
	title    string
	hasTitle bool
	open     []mark // open inline elements
	lists    []list
	quotes   int
	marker   string // of the list item that begins with the next block
	inList   bool   // the previous block is in a list
	table    [][]string
	inTable  int
	verbatim bool // in inline code, whose text is not escaped
}

// mark is the start of an inline element.
type mark struct {
	tag, href string
	at        int // index in the line
}

// list is an open list.
type list struct {
	ordered bool
	count   int
	width   int // of the marker of its items
}

// hidden are elements whose text browsers do not show.
var hidden = map[string]bool{"script": true, "style": true, "template": true, "svg": true, "noscript": true, "iframe": true, "object": true, "select": true, "math": true}

// blocks are elements that begin and end a paragraph.
var blocks = map[string]bool{
	"address": true, "article": true, "aside": true, "body": true, "center": true, "dd": true, "details": true, "dialog": true, "div": true, "dl": true, "dt": true,
	"fieldset": true, "figcaption": true, "figure": true, "footer": true, "form": true, "header": true, "html": true, "main": true,
	"nav": true, "p": true, "section": true, "summary": true, "caption": true, "thead": true, "tbody": true, "tfoot": true, "head": true,
}

// emphases are the Markdown delimiters of inline elements.
var emphases = map[string]string{"b": "**", "strong": "**", "em": "*", "i": "*", "cite": "*", "var": "*"}

// convert converts a token.
func (c *converter) convert(t token) {
	switch {
	case t.tag == "":
		c.addText(t.text)
	case hidden[t.tag]:
		if !t.end {
			c.skipTo(t.tag)
		}
	case t.tag == "title":
		if !t.end {
			c.title = strings.Join(strings.Fields(html.UnescapeString(c.skipTo("title"))), " ")
		}
	case t.tag == "pre" || t.tag == "textarea" || t.tag == "listing":
		if !t.end {
			c.writeCode(c.skipTo(t.tag))
		}
	case t.tag == "br":
		c.line.WriteString("\\\n")
	case t.tag == "hr":
		c.flush()
		c.writeBlock("---")
	case t.tag == "img" && !t.end:
		if alt := strings.TrimSpace(t.attribute("alt")); alt != "" {
			fmt.Fprintf(&c.line, "![%s](%s)", escape(alt), destination(t.attribute("src")))
		}
	case len(t.tag) == 2 && t.tag[0] == 'h' && '1' <= t.tag[1] && t.tag[1] <= '6':
		c.flush()
		if c.heading = 0; !t.end {
			c.heading = int(t.tag[1] - '0')
			c.hasTitle = c.hasTitle || c.heading == 1
		}
	case t.tag == "ul", t.tag == "ol", t.tag == "menu", t.tag == "li", t.tag == "blockquote":
		c.convertNested(t)
	case t.tag == "table", t.tag == "tr", t.tag == "td", t.tag == "th":
		c.convertCells(t)
	case blocks[t.tag]:
		c.flush()
	default:
		c.convertInline(t)
	}
}

// convertNested begins or ends a list, an item, or a quote.
func (c *converter) convertNested(t token) {
	c.flush()
	switch {
	case t.tag == "blockquote":
		if t.end {
			c.quotes = max(0, c.quotes-1)
		} else {
			c.quotes++
		}
	case t.tag == "li":
		if len(c.lists) == 0 || t.end {
			return
		}
		l := &c.lists[len(c.lists)-1]
		l.count++
		if c.marker = "- "; l.ordered {
			c.marker = strconv.Itoa(l.count) + ". "
		}
		l.width = len(c.marker)
	case t.end:
		c.lists = c.lists[:max(0, len(c.lists)-1)]
	default:
		c.lists = append(c.lists, list{ordered: t.tag == "ol"})
	}
}

// convertCells begins or ends a table, a row, or a cell.
func (c *converter) convertCells(t token) {
	switch {
	case t.tag == "table" && !t.end:
		c.flush()
		c.inTable++
	case t.tag == "table":
		c.endCell()
		if c.inTable = max(0, c.inTable-1); c.inTable == 0 {
			c.flushTable()
		}
	case c.inTable == 0:
	case t.tag == "tr":
		if c.endCell(); !t.end {
			c.table = append(c.table, nil)
		}
	default:
		if c.endCell(); t.end {
			return
		}
		if len(c.table) == 0 {
			c.table = append(c.table, nil)
		}
		c.table[len(c.table)-1] = append(c.table[len(c.table)-1], "")
	}
}

// endCell moves the text of the line to the last cell.
func (c *converter) endCell() {
	text := c.takeLine()
	if len(c.table) == 0 || text == "" {
		return
	}
	row := &c.table[len(c.table)-1]
	if len(*row) == 0 {
		*row = append(*row, "")
	}
	cell := &(*row)[len(*row)-1]
	*cell = strings.TrimSpace(*cell + " " + text)
}

func (c *converter) flushTable() {
	columns := 0
	for _, row := range c.table {
		columns = max(columns, len(row))
	}
	var b strings.Builder
	for i, row := range c.table {
		if len(row) == 0 {
			continue
		}
		b.WriteString("| " + strings.Join(row, " | ") + strings.Repeat(" | ", columns-len(row)) + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", columns) + "|\n")
		}
	}
	c.table = nil
	c.writeBlock(strings.TrimSpace(b.String()))
}

// convertInline begins or ends an inline element.
func (c *converter) convertInline(t token) {
	isCode := t.tag == "code" || t.tag == "kbd" || t.tag == "samp" || t.tag == "tt"
	if !isCode && t.tag != "a" && emphases[t.tag] == "" {
		return
	}
	if !t.end {
		if !c.verbatim {
			c.verbatim = isCode
			c.open = append(c.open, mark{t.tag, t.attribute("href"), c.line.Len()})
		}
		return
	}
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i].tag != t.tag {
			continue
		}
		m := c.open[i]
		c.open = c.open[:i]
		line := c.line.String()
		inner := line[m.at:]
		text := strings.TrimSpace(inner)
		c.line.Reset()
		c.line.WriteString(line[:m.at])
		c.line.WriteString(inner[:len(inner)-len(strings.TrimLeft(inner, " "))])
		c.line.WriteString(m.wrap(text))
		if text != inner && strings.HasSuffix(inner, " ") {
			c.line.WriteString(" ")
		}
		c.verbatim = c.verbatim && !isCode
		return
	}
}

// wrap returns the Markdown of an inline element with a text.
func (m mark) wrap(text string) string {
	switch {
	case text == "":
		return ""
	case m.tag == "a" && (m.href == "" || strings.HasPrefix(m.href, "#") || strings.HasPrefix(strings.ToLower(m.href), "javascript:")):
		return text
	case m.tag == "a":
		return "[" + text + "](" + destination(m.href) + ")"
	case emphases[m.tag] != "":
		return emphases[m.tag] + text + emphases[m.tag]
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	return fence + " " + text + " " + fence
}

// addText adds text to the line. It replaces each run of white space with one space.
func (c *converter) addText(text string) {
	folded := strings.Join(strings.Fields(text), " ")
	line := c.line.String()
	if line != "" && !strings.HasSuffix(line, " ") && !strings.HasSuffix(line, "\n") && text != "" && strings.TrimLeft(text[:1], " \t\r\n") == "" {
		c.line.WriteString(" ")
	}
	if folded == "" {
		return
	}
	if !c.verbatim {
		folded = escape(folded)
	}
	c.line.WriteString(folded)
	if last := text[len(text)-1:]; strings.TrimSpace(last) == "" {
		c.line.WriteString(" ")
	}
}

// writeCode writes a code block.
func (c *converter) writeCode(text string) {
	c.flush()
	text = strings.Trim(html.UnescapeString(tags().ReplaceAllString(text, "")), "\r\n")
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	c.writeBlock(fence + "\n" + text + "\n" + fence)
}

var tags = lazy.Regexp(`<[/!?a-zA-Z][^>]*>`)

// takeLine returns the line, and begins an empty one.
func (c *converter) takeLine() string {
	text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(c.line.String()), "\\"))
	c.line.Reset()
	c.open, c.verbatim = nil, false
	return text
}

// flush writes the current block.
func (c *converter) flush() {
	if c.inTable > 0 {
		c.line.WriteString(" ")
		return
	}
	text := c.takeLine()
	if text == "" {
		return
	}
	if c.heading > 0 {
		text = strings.Repeat("#", c.heading) + " " + strings.ReplaceAll(text, "\\\n", " ")
	} else {
		text = blockMarker().ReplaceAllString(text, `$1\$2`)
	}
	c.writeBlock(text)
}

// blockMarker matches the beginning of a line that Markdown would take for a list or a heading.
var blockMarker = lazy.Regexp(`(?m)^(\d*)([-+=.)])`)

// maxNesting limits the indentation of lists and quotes.
const maxNesting = 12

// writeBlock writes a block, indented by the lists and quotes around it.
func (c *converter) writeBlock(text string) {
	if c.inTable > 0 && text != "" { // code or a line in a cell
		c.line.WriteString(" " + escape(strings.Join(strings.Fields(text), " ")) + " ")
		return
	}
	quotes := strings.Repeat("> ", min(c.quotes, maxNesting))
	if c.out.Len() > 0 && (c.marker == "" || !c.inList) {
		c.out.WriteString(strings.TrimRight(quotes, " ") + "\n")
	}
	first, rest := quotes, quotes
	for i, l := range c.lists[:min(len(c.lists), maxNesting)] {
		indentation := strings.Repeat(" ", l.width)
		rest += indentation
		if i == len(c.lists)-1 && c.marker != "" {
			indentation = c.marker
		}
		first += indentation
	}
	c.marker, c.inList = "", len(c.lists) > 0
	for i, line := range strings.Split(text, "\n") {
		prefix := rest
		if i == 0 {
			prefix = first
		}
		c.out.WriteString(strings.TrimRight(prefix+line, " ") + "\n")
	}
}

// escape escapes the characters that have a meaning in Markdown.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_[]<>#|~&$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// destination returns the target of a link in Markdown.
func destination(url string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "\n", "", "\r", "", "\\", "%5C").Replace(strings.TrimSpace(url)) + ">"
}

// longestRun returns the length of the longest run of backquotes.
func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
