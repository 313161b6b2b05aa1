package markup

import "strings"

// Limits of the Markdown that is parsed. Markdown that people write stays far below them. Beyond them, the time for parsing could
// grow with the square of the length, or elements could nest too deeply, so Parse fails.
const (
	maxMarkdown = 1 << 20 // bytes
	// maxWork bounds an estimate of the time for parsing: for each block of lines between empty lines, the square of the
	// number of characters that could be markup. The limit corresponds to about a second.
	maxWork = 1 << 26
	// maxMarks limits the markers of quotes and list items at the beginning of a line, and maxIndent the spaces there.
	maxMarks  = 32
	maxIndent = 2 * maxMarks
)

// isParsable reports whether a text is within the limits.
func isParsable(text string) bool {
	if len(text) > maxMarkdown {
		return false
	}
	work, run := 0, 0
	for l := range strings.Lines(text) {
		marks, indent := leadingMarks(l)
		if marks > maxMarks || marks > 0 && indent > maxIndent {
			return false
		}
		if strings.Trim(l, " \t\r\n>") == "" {
			run = 0
			continue
		}
		before := run
		for i := range len(l) {
			switch l[i] {
			case '[', ']', '*', '_', '<', '`', '!', '~':
				run++
			}
		}
		if work += run*run - before*before; work > maxWork {
			return false
		}
	}
	return true
}

// leadingMarks counts the markers of quotes and list items at the beginning of a line, and the spaces around them.
func leadingMarks(l string) (marks, indent int) {
	for i := 0; i < len(l); i++ {
		switch c := l[i]; {
		case c == ' ':
			indent++
		case c == '\t':
			indent += 4
		case c == '>':
			marks++
		case c == '-' || c == '*' || c == '+':
			if i+1 < len(l) && l[i+1] != ' ' && l[i+1] != '\t' {
				return marks, indent
			}
			marks++
		case c >= '0' && c <= '9':
			end := i
			for end < len(l) && l[end] >= '0' && l[end] <= '9' {
				end++
			}
			if end == len(l) || l[end] != '.' && l[end] != ')' {
				return marks, indent
			}
			marks, i = marks+1, end
		default:
			return marks, indent
		}
	}
	return marks, indent
}
