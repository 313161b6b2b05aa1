package markdown

import (
	"strconv"
	"strings"
	"unicode"
)

// Section is the part of a document from a heading to the next one of the same or a higher level.
type Section struct {
	Heading
	Anchor string // the part of a link after "#", as GitHub and most site generators derive it from the heading
	Body   []byte // the heading, its text, and its subsections
}

// Sections returns the sections of a document, in the order of their headings.
func Sections(body []byte) []Section {
	var found []Section
	var starts []int
	taken := map[string]int{}
	visitHeadings(body, func(h Heading, at int) {
		found = append(found, Section{Heading: h, Anchor: uniqueAnchor(taken, deriveAnchor(h.Text))})
		starts = append(starts, at)
	})
	for i := range found {
		end := len(body)
		for j := i + 1; j < len(found); j++ {
			if found[j].Level <= found[i].Level {
				end = starts[j]
				break
			}
		}
		found[i].Body = body[starts[i]:end]
	}
	return found
}

// deriveAnchor returns the anchor of a heading. It converts letters to lower case, keeps digits, marks, "-", and "_", replaces
// spaces with "-", and removes other characters.
func deriveAnchor(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, text)
}

// uniqueAnchor returns base and adds it to taken. It appends a number if an earlier heading has the anchor.
func uniqueAnchor(taken map[string]int, base string) string {
	name := base
	for n, again := taken[base]; again; _, again = taken[name] {
		n++
		taken[base] = n
		name = base + "-" + strconv.Itoa(n)
	}
	taken[name] = 0
	return name
}

// Find returns the section with the given anchor, and reports whether it exists.
func Find(text []byte, anchor string) (Section, bool) {
	for _, s := range Sections(text) {
		if s.Anchor == anchor {
			return s, true
		}
	}
	return Section{}, false
}
