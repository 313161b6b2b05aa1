package tree_test

import (
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/internal/tree"
)

// TestNearby checks which path is suggested for a misspelled path.
func TestNearby(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"models/tiny/model.gguf": {}, "models/tiny/LICENSE": {}, "hid": {}, "docs": {}}
	for name, want := range map[string]string{
		"models/tiny/modle.gguf": "models/tiny/model.gguf", "modles/tiny/LICENSE": "models/tiny/LICENSE", "modles/tniy/LICENES": "models/tiny/LICENSE",
		"doc": "docs", "big": "", "other/tiny": "", "models/small": "", "hid/x": "",
	} {
		if got := tree.Nearby(fsys, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
