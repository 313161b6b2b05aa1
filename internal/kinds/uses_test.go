package kinds_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds"
)

// TestSummariesFit checks that each word of a summary fits into its column of the list of kinds, on a terminal of 80 columns.
func TestSummariesFit(t *testing.T) {
	t.Parallel()
	name, use := 0, 0
	for _, u := range kinds.Uses() {
		use = max(use, len(u.Name))
		for _, kind := range u.Kinds {
			name = max(name, len(kind))
		}
	}
	room := 80 - name - 2 - use - 2
	for _, k := range kinds.Data() {
		for word := range strings.FieldsSeq(k.Summary) {
			if len(word) > room {
				t.Errorf("%s: %q has %d characters, want at most %d", k.Name, word, len(word), room)
			}
		}
	}
}
