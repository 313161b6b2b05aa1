package term_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/term"
)

// TestFullDigests checks that a digest in a field is shown in full where it fits, and that a digest in a list is not.
func TestFullDigests(t *testing.T) {
	t.Parallel()
	whole := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for _, tc := range []struct {
		width   int
		isField bool
		want    string
	}{{79, true, whole}, {78, true, whole[:19]}, {79, false, whole[:19]}, {0, false, whole}, {0, true, whole}} {
		var table term.Table
		if table.Row("pushed", "a"); tc.isField {
			table.Row("digest", whole)
		} else {
			table.Row("digest", "a", whole)
		}
		screen := &term.Screen{Width: tc.width}
		if err := table.WriteText(screen); err != nil {
			t.Fatal(err)
		}
		if words := strings.Fields(screen.String()); words[len(words)-1] != tc.want {
			t.Errorf("%+v: got %s, want it to end with %s", tc, screen, tc.want)
		}
	}
}
