package archive_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
)

// TestRooted checks that names that begin with a slash, as in images and OPA bundles, are unpacked below the destination and
// can't leave it.
func TestRooted(t *testing.T) {
	t.Parallel()
	packed := tarball(item{name: "/"}, file("/data.json"), item{name: "/a/"}, file("//a/b"), item{name: "/hard", link: "/a/b", typeflag: '1'})
	for name, opts := range map[string]extract.Options{
		"rooted": {Options: read.Options{Rooted: true}},
		"image":  {Options: read.Options{Image: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := slices.Sorted(maps.Keys(snapshot(t, unpack(t, packed, opts))))
			if want := []string{"a", "a/b", "data.json", "hard"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if err := rewriteAs(t, opts, packed); err != nil {
				t.Error(err)
			}
			for _, evil := range []item{file("/../evil"), file("/a/../../evil"), {name: "/h", link: "/../evil", typeflag: '1'}} {
				if err := extractBeside(t, tarball(evil), opts); err == nil {
					t.Errorf("%q -> %q: got no error, want one", evil.name, evil.link)
				}
			}
		})
	}
}
