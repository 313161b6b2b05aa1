package untrusted

import "strings"

// Ordered replaces the characters that make a text look as if it had another order: embeddings, overrides, and isolates. The marks
// that languages need remain.
func Ordered(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return '\uFFFD'
		}
		return r
	}, s)
}
