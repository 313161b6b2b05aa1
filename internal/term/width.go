package term

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Width returns the number of terminal columns that text takes.
func Width(text string) int {
	n := 0
	for i := 0; i < len(text); {
		if skip := sequenceLen(text[i:]); skip > 0 {
			i += skip
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		n += RuneWidth(r)
		i += size
	}
	return n
}

// RuneWidth returns the number of terminal columns that r takes: 0 for combining marks, 2 for wide East Asian characters.
func RuneWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
