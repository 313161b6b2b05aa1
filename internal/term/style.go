package term

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

// Style is how a word looks on a screen with colors: by its role, not by its place.
type Style string

// The styles, as SGR sequences.
const (
	Plain   Style = ""
	Strong  Style = "\x1b[1m"  // a kind, a heading
	Dim     Style = "\x1b[2m"  // digests, branches of trees
	Failed  Style = "\x1b[31m" // errors, and removed lines
	Good    Style = "\x1b[32m" // added lines
	Warning Style = "\x1b[33m"
	Hint    Style = "\x1b[36m"
)

const unstyled = "\x1b[0m"

// Paint returns text in a style. The spaces around it are not part of it.
func (s Style) Paint(text string) string {
	word := strings.TrimSpace(text)
	if s == Plain || word == "" {
		return text
	}
	before, after, _ := strings.Cut(text, word)
	return before + string(s) + word + unstyled + after
}

// sequence returns the length of the SGR sequence that text begins with, or 0. Text from outside has none: it is escaped.
func sequence(text string) int {
	if strings.HasPrefix(text, "\x1b[") {
		return strings.IndexByte(text, 'm') + 1
	}
	return 0
}

// hasColors reports whether a screen, which may be nil, has colors.
func (s *Screen) hasColors() bool { return s != nil && s.Colors }

// isNarrow reports whether a screen, which may be nil, has a last column: words are shortened then.
func (s *Screen) isNarrow() bool { return s != nil && s.Width > 0 }

// cell returns a cell of a table or tree as it looks on a screen: digests are short.
func (s *Screen) cell(text string) string {
	if s.isNarrow() && isDigest(text) {
		return Digest(s, digest.Digest(text))
	}
	return text
}

func isDigest(text string) bool {
	return strings.HasPrefix(text, "sha") && digest.Digest(text).Validate() == nil
}

// paint returns a padded cell in the style for its text, or else in the given one.
func (s *Screen) paint(text string, style Style) string {
	switch {
	case !s.hasColors():
		return text
	case style == Plain && (strings.HasPrefix(text, "sha256:") || strings.HasPrefix(text, "sha512:")) && !strings.Contains(strings.TrimSpace(text), " "):
		return Dim.Paint(text)
	}
	return style.Paint(text)
}
