package markdown

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/davit-oci/davit/internal/markup"
	"github.com/davit-oci/davit/internal/term"
	"github.com/yuin/goldmark/ast"
)

// style is a set of attributes of text.
type style uint8

const (
	bold style = 1 << iota
	dim
	italic
	underline
	code
	struck
)

// sequences are the SGR parameters of the styles, by their bits.
var sequences = [...]string{"1", "2", "3", "4", "36", "9"}

// paint returns escaped text in a style.
func paint(text string, s style) string {
	if s == 0 || text == "" {
		return text
	}
	var codes []string
	for bit, sequence := range sequences {
		if s&(1<<bit) != 0 {
			codes = append(codes, sequence)
		}
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + text + "\x1b[0m"
}

// span is text of one style.
type span struct {
	text  string // escaped
	style style
	br    bool // a line break, without text
}

// inline returns the inline content of a node as spans.
func (r *renderer) inline(parent ast.Node, s style) []span {
	var spans []span
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			spans = append(spans, span{text: escapeProse(markup.Unescape(string(n.Value(r.source)), n.IsRaw())), style: s})
			switch {
			case n.HardLineBreak():
				spans = append(spans, span{br: true})
			case n.SoftLineBreak():
				spans = append(spans, span{text: " "})
			}
		case *ast.String:
			spans = append(spans, span{text: escapeProse(string(n.Value)), style: s})
		case *ast.CodeSpan:
			spans = append(spans, r.codeSpan(n, s))
		case *ast.Emphasis:
			spans = append(spans, r.inline(n, s|emphasis(n.Level))...)
		case *markup.Strike:
			spans = append(spans, r.strike(n, s)...)
		case *ast.Link:
			spans = append(spans, r.link(n, s)...)
		case *ast.AutoLink:
			spans = append(spans, span{text: term.Escape(string(n.URL(r.source))), style: s | underline})
		case *ast.Image:
			spans = append(spans, r.image(n, s)...)
		case *ast.RawHTML:
			spans = append(spans, r.rawHTML(n, s)...)
		default:
			spans = append(spans, r.inline(n, s)...)
		}
	}
	return spans
}

func emphasis(level int) style {
	if level > 1 {
		return bold
	}
	return italic
}

// strike returns deleted text. If the output has no styles, the text keeps its tildes.
func (r *renderer) strike(n *markup.Strike, s style) []span {
	spans := r.inline(n, s|struck)
	if r.styled {
		return spans
	}
	return slices.Concat([]span{{text: "~~", style: s}}, spans, []span{{text: "~~", style: s}})
}

// codeSpan returns inline code. If the output has no styles, the code keeps its backquotes.
func (r *renderer) codeSpan(n *ast.CodeSpan, s style) span {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Value(r.source))
		}
	}
	text := strings.ReplaceAll(b.String(), "\n", " ")
	if r.inCell {
		text = strings.ReplaceAll(text, `\|`, "|")
	}
	if text = term.Escape(text); !r.styled {
		text = "`" + text + "`"
	}
	return span{text: text, style: s&^(italic|dim) | code}
}

// link returns the text of a link, and its target unless that is the text itself or a place in the same document.
func (r *renderer) link(n *ast.Link, s style) []span {
	spans := r.inline(n, s|underline)
	url := string(n.Destination)
	if url == "" || strings.HasPrefix(url, "#") || hasOnlyImages(n) || strings.TrimPrefix(url, "mailto:") == plainText(spans) {
		return spans
	}
	if name := resolve(url, r.dir); name != "" {
		url = name
	}
	return append(spans, span{text: " "}, span{text: "<" + term.Escape(url) + ">", style: s&^underline | dim})
}

func hasOnlyImages(n ast.Node) bool {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if c.Kind() != ast.KindImage {
			return false
		}
	}
	return n.HasChildren()
}

// image returns the text and the path of an image. For an image in a link it returns only the text: most of them are badges.
func (r *renderer) image(n *ast.Image, s style) []span {
	alt, name := plainText(r.inline(n, 0)), string(n.Destination)
	name = term.Escape(cmp.Or(resolve(name, r.dir), name))
	s = s&^underline | dim
	if alt == "" || name == "" || n.Parent().Kind() == ast.KindLink {
		return []span{{text: "[image: " + cmp.Or(alt, name) + "]", style: s}}
	}
	return []span{{text: "[image: " + alt + "]", style: s}, {text: " "}, {text: "<" + name + ">", style: s}}
}

// rawHTML returns the visible text of inline HTML.
func (r *renderer) rawHTML(n *ast.RawHTML, s style) []span {
	var spans []span
	for line := range strings.SplitSeq(markup.TagText(string(n.Segments.Value(r.source))), "\n") {
		if line != "" {
			spans = append(spans, span{text: escapeProse(line), style: s})
		}
		spans = append(spans, span{br: true})
	}
	return spans[:len(spans)-1]
}

// plainText returns the text of spans without styling.
func plainText(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.text)
	}
	return b.String()
}

// escapeProse is like term.Escape, for running text: it replaces the many kinds of spaces by plain ones, and drops soft hyphens and
// joiners, all of which are harmless there.
func escapeProse(text string) string {
	return term.Escape(strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r != ' ' && unicode.Is(unicode.Zs, r):
			return ' '
		case r == '\u00ad' || r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\u2060' || r == '\ufeff':
			return -1
		}
		return r
	}, text))
}

// line is a line of output, with its width in columns.
type line struct {
	text  string
	width int
}

// wrap breaks spans into lines of at most columns. A wider word gets a separate line, or is cut if cut is set.
func (r *renderer) wrap(spans []span, columns int, cut bool) []line {
	w := &wrapper{columns: columns, cut: cut, styled: r.styled}
	for _, s := range spans {
		w.add(s)
	}
	w.flushWord()
	if w.used > 0 || len(w.lines) == 0 {
		w.endLine()
	}
	return w.lines
}

// wrapper fills lines word by word. A word may have several styles.
type wrapper struct {
	columns     int
	cut, styled bool

	lines []line
	open  []span // the current line
	used  int    // its columns

	word      []span // the current word
	wordWidth int
	gap       bool // a space precedes the word
	gapStyle  style
}

// add adds the words of a span. Inline code is one word, so that it can be copied, unless it is too wide for a cell.
func (w *wrapper) add(s span) {
	if s.br {
		w.flushWord()
		w.endLine()
		return
	}
	words := []string{s.text}
	if s.style&code == 0 || w.cut && term.Width(s.text) > w.columns {
		words = strings.Split(s.text, " ")
	}
	for i, text := range words {
		if i > 0 {
			w.flushWord()
			w.gap, w.gapStyle = true, s.style
		}
		if text != "" {
			w.word = append(w.word, span{text: text, style: s.style})
			w.wordWidth += term.Width(text)
		}
	}
}

// flushWord ends the current word. It appends the word to the line, or to the next line if it does not fit.
func (w *wrapper) flushWord() {
	if len(w.word) == 0 {
		return
	}
	if w.used > 0 && w.gap {
		if w.used+1+w.wordWidth > w.columns {
			w.endLine()
		} else {
			w.open = append(w.open, span{text: " ", style: w.gapStyle})
			w.used++
		}
	}
	if w.cut && w.wordWidth > w.columns {
		w.cutWord()
	} else {
		w.open, w.used = append(w.open, w.word...), w.used+w.wordWidth
	}
	w.word, w.wordWidth, w.gap = nil, 0, false
}

// cutWord writes a word over several lines.
func (w *wrapper) cutWord() {
	for _, s := range w.word {
		begin := 0
		for i, c := range s.text {
			n := term.RuneWidth(c)
			if w.used > 0 && w.used+n > w.columns {
				w.open = append(w.open, span{text: s.text[begin:i], style: s.style})
				w.endLine()
				begin = i
			}
			w.used += n
		}
		w.open = append(w.open, span{text: s.text[begin:], style: s.style})
	}
}

// endLine ends the current line, and writes it with one escape sequence for each run of a style.
func (w *wrapper) endLine() {
	var b strings.Builder
	for i := 0; i < len(w.open); {
		begin, s := i, w.open[i].style
		var run strings.Builder
		for ; i < len(w.open) && w.open[i].style == s; i++ {
			run.WriteString(w.open[i].text)
		}
		if !w.styled || begin == i {
			s = 0
		}
		b.WriteString(paint(run.String(), s))
	}
	w.lines = append(w.lines, line{b.String(), w.used})
	w.open, w.used, w.gap = nil, 0, false
}
