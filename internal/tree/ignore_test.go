package tree_test

import (
	"fmt"
	"testing"

	"github.com/davit-oci/davit/internal/tree"
	"github.com/moby/patternmatcher"
)

// TestInvalidPatterns checks that NewIgnorer reports exactly the patterns that can't be compiled.
func TestInvalidPatterns(t *testing.T) {
	t.Parallel()
	invalid := 0
	for r := rune('!'); r < 256; r++ {
		for _, format := range []string{"a%c", "a%cb", "**/a%c*", "a%[1]c%[1]cb?", "a[%c]", "a[b%c", "a[z-%c]", "!%cb"} {
			pattern := fmt.Sprintf(format, r)
			_, want := patternmatcher.Matches("x", []string{pattern})
			_, err := tree.NewIgnorer(".", []byte(pattern))
			if (err == nil) != (want == nil) && pattern[0] != '#' {
				t.Errorf("%q: got %v, want %v", pattern, err, want)
			}
			if err != nil {
				invalid++
			}
		}
	}
	if invalid < 20 {
		t.Errorf("got %d invalid patterns, want at least 20", invalid)
	}
}
