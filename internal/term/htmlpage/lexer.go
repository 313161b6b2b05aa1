package htmlpage

import (
	"html"
	"strings"
)

// token is text or a tag.
type token struct {
	tag        string // name of the tag in lower case; empty for text
	end        bool   // whether it is an end tag
	text       string // with entities decoded
	attributes string
}

// lexer splits a page into tokens roughly as browsers do: everything that is not a tag is text.
type lexer struct {
	text string
	pos  int
}

func (l *lexer) next() (token, bool) {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case strings.HasPrefix(rest, "<!--"):
			l.skipPast("-->")
			continue
		case strings.HasPrefix(rest, "<!"), strings.HasPrefix(rest, "<?"):
			l.skipPast(">")
			continue
		}
		if t, ok := l.readTag(rest); ok {
			return t, true
		}
		end := strings.IndexByte(rest[1:], '<') + 1
		if end == 0 {
			end = len(rest)
		}
		l.pos += end
		return token{text: html.UnescapeString(rest[:end])}, true
	}
	return token{}, false
}

// skipPast moves past the next occurrence of a text, or to the end.
func (l *lexer) skipPast(text string) {
	if i := strings.Index(l.text[l.pos:], text); i >= 0 {
		l.pos += i + len(text)
	} else {
		l.pos = len(l.text)
	}
}

// readTag reads the tag that rest begins with. It returns false if rest begins with text.
func (l *lexer) readTag(rest string) (token, bool) {
	t := token{}
	i := 1
	if t.end = strings.HasPrefix(rest, "</"); t.end {
		i = 2
	}
	if rest[0] != '<' || i >= len(rest) || !isLetter(rest[i]) {
		return t, false
	}
	start := i
	for i < len(rest) && (isLetter(rest[i]) || '0' <= rest[i] && rest[i] <= '9' || rest[i] == '-') {
		i++
	}
	t.tag = strings.ToLower(rest[start:i])
	start = i
	quote := byte(0)
	for ; i < len(rest); i++ {
		switch c := rest[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && strings.HasSuffix(strings.TrimRight(rest[start:i], " \t\r\n"), "="):
			quote = c
		case c == '>':
			t.attributes = rest[start:i]
			l.pos += i + 1
			return t, true
		}
	}
	return t, false
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// skipTo returns the text before the end tag of an element, and moves past that tag.
func (l *lexer) skipTo(tag string) string {
	rest := l.text[l.pos:]
	for at := 0; ; {
		i := strings.Index(rest[at:], "</")
		if i < 0 {
			l.pos = len(l.text)
			return rest
		}
		at += i
		if end := at + 2 + len(tag); end <= len(rest) && strings.EqualFold(rest[at+2:end], tag) && (end == len(rest) || !isLetter(rest[end])) {
			l.pos += at
			l.skipPast(">")
			return rest[:at]
		}
		at += 2
	}
}

// attribute returns the value of an attribute, or "".
func (t token) attribute(name string) string {
	rest := t.attributes
	for {
		rest = strings.TrimLeft(rest, " \t\r\n/")
		if rest == "" {
			return ""
		}
		end := strings.IndexAny(rest, "= \t\r\n/")
		if end < 0 {
			end = len(rest)
		}
		key := rest[:end]
		rest = strings.TrimLeft(rest[end:], " \t\r\n")
		value := ""
		if strings.HasPrefix(rest, "=") {
			rest = strings.TrimLeft(rest[1:], " \t\r\n")
			if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
				value, rest, _ = strings.Cut(rest[1:], rest[:1])
			} else {
				end := strings.IndexAny(rest, " \t\r\n")
				if end < 0 {
					end = len(rest)
				}
				value, rest = rest[:end], rest[end:]
			}
		} else if key == "" {
			return ""
		}
		if strings.EqualFold(key, name) {
			return html.UnescapeString(value)
		}
	}
}
