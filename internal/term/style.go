package term

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

// Style is the look of a word on a screen with colors. Styles are named after the roles of words.
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

// Paint returns text in the style. Spaces around the text are not styled.
func (s Style) Paint(text string) string {
	word := strings.TrimSpace(text)
	if s == Plain || word == "" {
		return text
	}
	before, after, _ := strings.Cut(text, word)
	return before + string(s) + word + unstyled + after
}

// sequenceLen returns the length of the SGR sequence that text begins with, or 0. Untrusted text is escaped, and so has none.
func sequenceLen(text string) int {
	if strings.HasPrefix(text, "\x1b[") {
		return strings.IndexByte(text, 'm') + 1
	}
	return 0
}

// hasColors reports whether a screen, which may be nil, has colors.
func (s *Screen) hasColors() bool { return s != nil && s.Colors }

// hasWidth reports whether a screen, which may be nil, has a limited width, to which text must be fitted.
func (s *Screen) hasWidth() bool { return s != nil && s.Width > 0 }

// cellText returns the text of a cell in a table or tree. On a screen, digests are shortened.
func (s *Screen) cellText(text string) string {
	if s.hasWidth() && isDigest(text) {
		return Digest(s, digest.Digest(text))
	}
	return text
}

func isDigest(text string) bool {
	return strings.HasPrefix(text, "sha") && digest.Digest(text).Validate() == nil
}

// paint returns a padded cell in a style, if the screen has colors. A plain digest is dim.
func (s *Screen) paint(text string, style Style) string {
	switch {
	case !s.hasColors():
		return text
	case style == Plain && (strings.HasPrefix(text, "sha256:") || strings.HasPrefix(text, "sha512:")) && !strings.Contains(strings.TrimSpace(text), " "):
		return Dim.Paint(text)
	}
	return style.Paint(text)
}
