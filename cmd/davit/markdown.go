package main

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// markdown renders Markdown for a terminal: headings, lists, tables, code and links, wrapped to its width. It is for
// reading, not for every corner of CommonMark: what it does not know stays as it was written. Without styles it is
// plain text of the same shape.
type markdown struct {
	width  int
	styled bool
	lines  []string // of the source
	out    strings.Builder
}

// renderMarkdown renders a text. Control characters in it are escaped first: only styles of our own reach the terminal.
func renderMarkdown(text string, width int, styled bool) string {
	text = escapeText(strings.ReplaceAll(text, "\r\n", "\n"))
	m := &markdown{width: max(20, width), styled: styled, lines: strings.Split(strings.TrimRight(text, "\n"), "\n")}
	m.frontMatter()
	for len(m.lines) > 0 {
		m.block()
	}
	return strings.Trim(m.out.String(), "\n") + "\n"
}

// The styles, as ANSI escape sequences.
const (
	styleBold   = "\x1b[1m"
	styleDim    = "\x1b[2m"
	styleItalic = "\x1b[3m"
	styleCode   = "\x1b[36m"
	styleReset  = "\x1b[0m"
)

func (m *markdown) style(style, text string) string {
	if !m.styled || text == "" {
		return text
	}
	return style + text + styleReset
}

var (
	headingPattern   = regexp.MustCompile(`^ {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*$`)
	itemPattern      = regexp.MustCompile(`^([ \t]*)([-*+]|\d{1,9}[.)])[ \t]+(.*)$`)
	rulePattern      = regexp.MustCompile(`^ {0,3}((\*[ \t]*){3,}|(-[ \t]*){3,}|(_[ \t]*){3,})$`)
	separatorPattern = regexp.MustCompile(`^[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$`)
	fencePattern     = regexp.MustCompile("^ {0,3}(```+|~~~+)")
)

// block renders the next block of lines.
func (m *markdown) block() {
	line := m.lines[0]
	switch {
	case strings.TrimSpace(line) == "":
		m.lines = m.lines[1:]
	case fencePattern.MatchString(line):
		m.fence()
	case headingPattern.MatchString(line):
		m.heading()
	case rulePattern.MatchString(line):
		m.lines = m.lines[1:]
		m.out.WriteString("\n" + m.style(styleDim, strings.Repeat("─", min(m.width, 72))) + "\n")
	case len(m.lines) > 1 && strings.Contains(line, "|") && separatorPattern.MatchString(m.lines[1]):
		m.table()
	case itemPattern.MatchString(line):
		m.list()
	case strings.HasPrefix(strings.TrimLeft(line, " "), ">"):
		m.quote()
	default:
		m.paragraph()
	}
}

// frontMatter shows the YAML between two lines of "---" at the top as it is.
func (m *markdown) frontMatter() {
	if len(m.lines) == 0 || m.lines[0] != "---" {
		return
	}
	for i, line := range m.lines[1:] {
		if line != "---" {
			continue
		}
		for _, field := range m.lines[1 : i+1] {
			m.out.WriteString(m.style(styleDim, field) + "\n")
		}
		m.lines = m.lines[i+2:]
		return
	}
}

func (m *markdown) fence() {
	mark := fencePattern.FindStringSubmatch(m.lines[0])[1]
	m.lines = m.lines[1:]
	m.out.WriteString("\n")
	for len(m.lines) > 0 {
		line := m.lines[0]
		m.lines = m.lines[1:]
		if strings.HasPrefix(strings.TrimLeft(line, " "), mark) {
			return
		}
		m.out.WriteString("    " + m.style(styleCode, line) + "\n")
	}
}

func (m *markdown) heading() {
	parts := headingPattern.FindStringSubmatch(m.lines[0])
	m.lines = m.lines[1:]
	text := plainInline(parts[2])
	m.out.WriteString("\n" + m.style(styleBold, text) + "\n")
	switch len(parts[1]) {
	case 1:
		m.out.WriteString(strings.Repeat("═", min(m.width, utf8.RuneCountInString(text))) + "\n")
	case 2:
		m.out.WriteString(strings.Repeat("─", min(m.width, utf8.RuneCountInString(text))) + "\n")
	}
}

// paragraph takes lines until another block begins.
func (m *markdown) paragraph() {
	var words []string
	for len(m.lines) > 0 && (len(words) == 0 || !m.beginsBlock(m.lines[0])) {
		words = append(words, strings.TrimSpace(m.lines[0]))
		m.lines = m.lines[1:]
	}
	m.out.WriteString("\n")
	m.wrap(strings.Join(words, " "), "", "")
}

func (m *markdown) beginsBlock(line string) bool {
	return strings.TrimSpace(line) == "" || fencePattern.MatchString(line) || headingPattern.MatchString(line) ||
		itemPattern.MatchString(line) || rulePattern.MatchString(line) || strings.HasPrefix(strings.TrimLeft(line, " "), ">")
}

// list takes items that follow one another, with the lines that go on with one.
func (m *markdown) list() {
	m.out.WriteString("\n")
	for len(m.lines) > 0 {
		parts := itemPattern.FindStringSubmatch(m.lines[0])
		if parts == nil {
			return
		}
		m.lines = m.lines[1:]
		text := parts[3]
		for len(m.lines) > 0 && !m.beginsBlock(m.lines[0]) {
			text += " " + strings.TrimSpace(m.lines[0])
			m.lines = m.lines[1:]
		}
		mark := parts[2]
		if len(mark) == 1 {
			mark = "•"
		}
		indent := strings.Repeat(" ", min(len(strings.ReplaceAll(parts[1], "\t", "    ")), m.width/2))
		m.wrap(text, "  "+indent+mark+" ", "  "+indent+strings.Repeat(" ", utf8.RuneCountInString(mark)+1))
	}
}

func (m *markdown) quote() {
	var words []string
	for len(m.lines) > 0 && strings.HasPrefix(strings.TrimLeft(m.lines[0], " "), ">") {
		words = append(words, strings.TrimSpace(strings.TrimLeft(m.lines[0], " >")))
		m.lines = m.lines[1:]
	}
	m.out.WriteString("\n")
	m.wrap(strings.Join(words, " "), "│ ", "│ ")
}

// table lays the cells out in columns; one that is too wide for the terminal is cut by it.
func (m *markdown) table() {
	t := &table{}
	for i := 0; len(m.lines) > 0 && strings.Contains(m.lines[0], "|"); i++ {
		line := m.lines[0]
		m.lines = m.lines[1:]
		if i == 1 {
			continue // the separator
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for j, cell := range cells {
			cells[j] = plainInline(strings.TrimSpace(cell))
		}
		t.row(cells...)
	}
	var rows strings.Builder
	_ = t.WriteText(&rows) // a Builder takes everything
	for i, row := range strings.Split(strings.TrimRight(rows.String(), "\n"), "\n") {
		if i == 0 {
			row = "\n" + m.style(styleBold, row)
		}
		m.out.WriteString(row + "\n")
	}
}

// wrap writes a text in lines of the width, the first after one prefix and the others after another.
func (m *markdown) wrap(text, first, rest string) {
	line, column := first, utf8.RuneCountInString(first)
	empty := true
	for _, w := range m.inline(text) {
		if !empty && column+1+w.width > m.width {
			m.out.WriteString(line + "\n")
			line, column, empty = rest, utf8.RuneCountInString(rest), true
		}
		if !empty {
			line, column = line+" ", column+1
		}
		line, column, empty = line+w.text, column+w.width, false
	}
	m.out.WriteString(line + "\n")
}

// word is a word with its styles, and how wide it looks.
type word struct {
	text  string
	width int
}

// inlinePattern finds what is styled inside a line: code, images, links, strong and emphasised text.
var inlinePattern = regexp.MustCompile("(`+)([^`]+)`+|!\\[([^\\]]*)\\]\\([^)]*\\)|\\[([^\\]]*)\\]\\(([^)\\s]*)[^)]*\\)|" +
	"\\*\\*([^*]+)\\*\\*|__([^_]+)__|\\*([^*\\s][^*]*)\\*")

// inline cuts a text into words and styles them.
func (m *markdown) inline(text string) []word {
	var words []word
	glue := false // the last word goes on without a space
	add := func(style, s string) {
		for i, w := range strings.Fields(s) {
			next := word{m.style(style, w), utf8.RuneCountInString(w)}
			if style == "" {
				next.text = w
			}
			if i == 0 && glue && !startsWithSpace(s) && len(words) > 0 {
				last := &words[len(words)-1]
				last.text, last.width = last.text+next.text, last.width+next.width
				continue
			}
			words = append(words, next)
		}
		glue = s != "" && !endsWithSpace(s)
	}
	for {
		at := inlinePattern.FindStringSubmatchIndex(text)
		if at == nil {
			add("", text)
			return words
		}
		add("", text[:at[0]])
		style, shown := inlineStyle(text, at)
		add(style, shown)
		text = text[at[1]:]
	}
}

func startsWithSpace(s string) bool { return strings.TrimLeft(s, " \t") != s }
func endsWithSpace(s string) bool   { return strings.TrimRight(s, " \t") != s }

// inlineStyle says how a match of inlinePattern is shown.
func inlineStyle(text string, at []int) (style, shown string) {
	group := func(i int) string {
		if at[2*i] < 0 {
			return ""
		}
		return text[at[2*i]:at[2*i+1]]
	}
	switch {
	case at[4] >= 0:
		return styleCode, group(2)
	case at[6] >= 0:
		return styleDim, "[image: " + group(3) + "]"
	case at[8] >= 0 && (group(5) == "" || group(5) == group(4) || strings.HasPrefix(group(5), "#")):
		return "", group(4)
	case at[8] >= 0:
		return "", group(4) + " <" + group(5) + ">"
	case at[16] >= 0:
		return styleItalic, group(8)
	}
	return styleBold, group(6) + group(7)
}

// plainInline is a text without its marks, for where nothing is styled inside: headings and tables.
func plainInline(text string) string {
	m := &markdown{}
	words := m.inline(text)
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.text
	}
	return strings.Join(list, " ")
}
