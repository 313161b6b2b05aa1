package pull_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// TestDirectoryNamesWithDots checks that directories whose names begin or end with dots can be pulled, even if the annotation lacks
// the dots, as in artifacts of earlier versions.
func TestDirectoryNamesWithDots(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".github", "..data", "a.", "...", ".a/.b.", "x/.hidden", "plain"} {
		for _, packing := range []mediatypes.Packing{mediatypes.Tar, mediatypes.TarGzip, mediatypes.TarZstd} {
			for _, split := range []bool{false, true} {
				for _, old := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s %s split %t, dots cut %t", name, packing, split, old), func(t *testing.T) {
						t.Parallel()
						dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
						for i := range 3 {
							write(t, dir, fmt.Sprintf("%s/sub/f%d", name, i), strings.Repeat("x", i*400_000))
						}
						plan := directory("generic", name, packing)
						plan.Layers[0].Split, plan.Layers[0].Unpack = split, packing == mediatypes.TarGzip && !split
						push(t, dir, plan, store)
						if old {
							cutDots(t, store, name)
						}
						opts := pull.Options{NoSync: true, State: out + ".state"}
						if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), opts); err != nil {
							t.Fatal(err)
						}
						if got, want := listTree(t, out, false), listTree(t, dir, false); got != want {
							t.Errorf("got\n%s\nwant\n%s", got, want)
						}
					})
				}
			}
		}
	}
}

// cutDots changes the artifact v1 to one with the annotations of earlier versions, which lack the dots.
func cutDots(t *testing.T, store *counted, name string) {
	t.Helper()
	desc, err := store.Resolve(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	b, err := content.FetchAll(t.Context(), store, desc)
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	dir := strings.Trim(name, "./")
	if dir == "" {
		dir = "."
	}
	for _, l := range m.Layers {
		if _, ok := l.Annotations[manifest.AnnotationDirectory]; ok {
			l.Annotations[manifest.AnnotationDirectory] = dir
		}
	}
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if err := store.Tag(t.Context(), store.pushBlob(t, m.MediaType, string(b)), "v1"); err != nil {
		t.Fatal(err)
	}
}
