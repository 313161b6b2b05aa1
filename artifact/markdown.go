package artifact

import (
	"bytes"
	"strings"
)

// heading is a heading of a Markdown document.
type heading struct {
	level int
	text  string
}

// splitFrontMatter takes the YAML between two lines of "---" off the beginning of a Markdown document. The line is that
// of the YAML's first line in the file.
func splitFrontMatter(document []byte) (front, body []byte, found bool) {
	document = toUTF8(document)
	first, rest, _ := bytes.Cut(document, []byte("\n"))
	if string(bytes.TrimRight(first, " \t\r")) != "---" {
		return nil, document, false
	}
	for at := 0; at < len(rest); {
		line, _, more := bytes.Cut(rest[at:], []byte("\n"))
		if trimmed := string(bytes.TrimRight(line, " \t\r")); trimmed == "---" || trimmed == "..." {
			return rest[:at], rest[min(at+len(line)+1, len(rest)):], true
		}
		if !more {
			break
		}
		at += len(line) + 1
	}
	return nil, document, false
}

// headings lists the headings of a Markdown document in both notations, not those in code.
func headings(body []byte) []heading {
	var found []heading
	fence, previous := "", ""
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
			if h, ok := atxHeading(text); ok {
				found = append(found, h)
				text = ""
			}
		case previous != "" && text != "" && (strings.Trim(text, "=") == "" || len(text) > 1 && strings.Trim(text, "-") == ""):
			found = append(found, heading{1 + strings.Count(text[:1], "-"), previous})
			text = ""
		}
		previous = text
	}
	return found
}

func closesFence(text, fence string) bool {
	return strings.HasPrefix(text, fence) && strings.Trim(text, fence[:1]) == ""
}

// atxHeading reads "## Text ##".
func atxHeading(line string) (heading, bool) {
	text := strings.TrimLeft(line, "#")
	level := len(line) - len(text)
	if level > 6 || text != "" && text[0] != ' ' && text[0] != '\t' {
		return heading{}, false
	}
	text = strings.TrimSpace(text)
	if closing := strings.TrimRight(text, "#"); closing == "" || strings.HasSuffix(closing, " ") {
		text = strings.TrimSpace(closing)
	}
	return heading{level, text}, text != ""
}

// firstHeading is a document's title: its first heading of level 1, else its first heading.
func firstHeading(all []heading) string {
	for _, h := range all {
		if h.level == 1 {
			return h.text
		}
	}
	if len(all) > 0 {
		return all[0].text
	}
	return ""
}
