package versions_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/davit-oci/davit/internal/versions"
)

// TestCompare checks the order of sorted tags.
func TestCompare(t *testing.T) {
	t.Parallel()
	want := []string{"latest", "0.9", "v1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "v1.2.0", "1.10.0"}
	for range 20 {
		got := slices.Clone(want)
		rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, versions.Compare)
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	if versions.Compare("v1.0", "1.0") != 0 {
		t.Error("v1.0 and 1.0 differ")
	}
}
