package outline_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/davit-oci/davit/internal/format/outline"
)

func TestClip(t *testing.T) {
	t.Parallel()
	for _, char := range []string{"a", "é", "世", "🚀"} {
		for _, n := range []int{0, 1, 199, 200} {
			if s := strings.Repeat(char, n); outline.Clip(s) != s {
				t.Errorf("%d times %q: got %q, want it unchanged", n, char, outline.Clip(s))
			}
		}
		for _, n := range []int{201, 202, 1000} {
			if got := outline.Clip(strings.Repeat(char, n)); got != strings.Repeat(char, 197)+"..." {
				t.Errorf("%d times %q: got %d characters, want 197 and dots", n, char, utf8.RuneCountInString(got))
			}
		}
	}
	if got := outline.Clip("a" + strings.Repeat("🚀", 1000)); utf8.RuneCountInString(got) != 200 || !utf8.ValidString(got) {
		t.Errorf("one byte before wide characters: got %q, want 200 characters of valid UTF-8", got)
	}
}
