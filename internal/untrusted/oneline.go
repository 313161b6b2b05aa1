package untrusted

import (
	"strings"
	"unicode"
)

// Line makes a text from a registry safe to print: it returns one line of at most n printable runes.
func Line(s string, n int) string {
	count := 0
	s = strings.Map(func(r rune) rune {
		switch count++; {
		case count > n:
			return -1
		case unicode.IsPrint(r):
			return r
		}
		return ' '
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
