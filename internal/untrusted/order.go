package untrusted

import "strings"

// Ordered replaces the characters that make a text appear in another order: bidirectional embeddings, overrides, and isolates. It
// keeps the marks that languages need.
func Ordered(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return '\uFFFD'
		}
		return r
	}, s)
}
