// Package markdown reads the headings of Markdown documents (CommonMark 0.31, sections 4.2 and 4.3).
package markdown

import "strings"

// Heading is a heading of a document.
type Heading struct {
	Level int // 1 to 6
	Text  string
}

// Headings returns the headings of a document, ATX and Setext, except in code blocks. Empty headings are left out.
func Headings(body []byte) []Heading {
	var found []Heading
	visitHeadings(body, func(h Heading, _ int) { found = append(found, h) })
	return found
}

// visitHeadings calls visit for each heading of a document, with the offset of the first line of the heading.
func visitHeadings(body []byte, visit func(h Heading, at int)) {
	fence, previous := "", ""
	at, before := 0, 0 // offsets of this line and of the previous one
	for line := range strings.Lines(string(body)) {
		text := strings.TrimRight(line, " \t\r\n")
		indent := len(text) - len(strings.TrimLeft(text, " "))
		text = strings.TrimSpace(text)
		switch {
		case fence != "":
			if closesFence(text, fence) {
				fence = ""
			}
			text = ""
		case indent > 3 || strings.HasPrefix(line, "\t"):
			text = ""
		case strings.HasPrefix(text, "```") || strings.HasPrefix(text, "~~~"):
			fence = text[:len(text)-len(strings.TrimLeft(text, text[:1]))]
			text = ""
		case strings.HasPrefix(text, "#"):
			if h, ok := parseATXHeading(text); ok {
				visit(h, at)
				text = ""
			}
		case previous != "" && text != "" && (strings.Trim(text, "=") == "" || len(text) > 1 && strings.Trim(text, "-") == ""):
			visit(Heading{1 + strings.Count(text[:1], "-"), previous}, before)
			text = ""
		}
		previous, before = text, at
		at += len(line)
	}
}

// closesFence reports whether a line closes a code block that began with fence.
func closesFence(text, fence string) bool {
	return strings.HasPrefix(text, fence) && strings.Trim(text, fence[:1]) == ""
}

// parseATXHeading parses a line such as "## Text ##". It returns false if the line is not a heading, or has no text.
func parseATXHeading(line string) (Heading, bool) {
	text := strings.TrimLeft(line, "#")
	level := len(line) - len(text)
	if level > 6 || text != "" && text[0] != ' ' && text[0] != '\t' {
		return Heading{}, false
	}
	text = strings.TrimSpace(text)
	if closing := strings.TrimRight(text, "#"); closing == "" || strings.HasSuffix(closing, " ") {
		text = strings.TrimSpace(closing)
	}
	return Heading{level, text}, text != ""
}

// Title returns the title of a document from its headings: the first of level 1, else the first, or "" without headings.
func Title(all []Heading) string {
	for _, h := range all {
		if h.Level == 1 {
			return h.Text
		}
	}
	if len(all) > 0 {
		return all[0].Text
	}
	return ""
}
