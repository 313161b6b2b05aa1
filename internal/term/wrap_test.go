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
		{"short line", 40, "davit: error: not found", "davit: error: not found"},
		{"line of the width", 23, "davit: error: not found", "davit: error: not found"},
		{"long line", 30, "davit: error: no such file in the artifact", "davit: error: no such file in\n  the artifact"},
		{"second line as wide as possible", 22, "davit: one two three four five six seven", "davit: one two three\n  four five six seven"},
		{"word of the width", 22, "davit: hint: use 1234567890123456789012 now", "davit: hint: use\n1234567890123456789012\n  now"},
		{"word wider than the line", 40, "davit: a " + long + " b c", "davit: a " + long + " b c"},
		{"text after a wide word", 40, "davit: " + long + " is missing, and needed here", "davit: " + long + " is missing, and needed\n  here"},
		{"colors", 30, "davit: \x1b[31merror:\x1b[0m no such file in it", "davit: \x1b[31merror:\x1b[0m no such file in\n  it"},
		{"wide characters", 22, "davit: 日本語 日本語", "davit: 日本語 日本語"},
		{"terminal too narrow to wrap", 19, "davit: error: no such file", "davit: error: no such file"},
	} {
		if got := wrap(tc.width, 2, strings.Split(tc.line, " ")); got != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}
