package term

import (
	"strings"
	"testing"
)

func TestWrapBreaksBetweenWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 50)
	for _, tc := range []struct {
		name  string
		width int
		line  string
		want  string
	}{
		{"fits", 40, "davit: error: not found", "davit: error: not found"},
		{"exactly", 23, "davit: error: not found", "davit: error: not found"},
		{"breaks", 30, "davit: error: no such file in the artifact", "davit: error: no such file in\n  the artifact"},
		{"breaks again", 22, "davit: one two three four five six seven", "davit: one two three\n  four five six seven"},
		{"a word that is as wide as the line", 22, "davit: hint: use 1234567890123456789012 now", "davit: hint: use\n1234567890123456789012\n  now"},
		{"a long word", 40, "davit: a " + long + " b c", "davit: a " + long + " b c"},
		{"after a long word", 40, "davit: " + long + " is missing, and needed here", "davit: " + long + " is missing, and needed\n  here"},
		{"colors", 30, "davit: \x1b[31merror:\x1b[0m no such file in it", "davit: \x1b[31merror:\x1b[0m no such file in\n  it"},
		{"wide characters", 22, "davit: 日本語 日本語", "davit: 日本語 日本語"},
		{"too narrow", 19, "davit: error: no such file", "davit: error: no such file"},
	} {
		if got := wrap(tc.width, 2, strings.Split(tc.line, " ")); got != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}
