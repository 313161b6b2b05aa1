package pull_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/pulltest"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// storeCollection stores a collection and tags it.
func storeCollection(t *testing.T, src *pulltest.Source, members ...ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	return src.Document(t, "v1", ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		ArtifactType: "application/vnd.agentskills.collection.v1", Manifests: members,
	})
}

// TestCollection pulls the files of all members, and then only those of one member.
func TestCollection(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	one := src.Manifest(t, "one", src.Layer(t, "one/a.txt", "1"), src.Layer(t, "shared.txt", "s"))
	two := src.Manifest(t, "two", src.Layer(t, "two/a.txt", "2"))
	root := storeCollection(t, src, one, two)
	dst := pulltest.NewDir(t)
	result, err := pull.Artifact(t.Context(), src, "v1", dst, pull.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	pulltest.WantFiles(t, dst, map[string]string{"one/": "", "one/a.txt": "1", "shared.txt": "s", "two/": "", "two/a.txt": "2"})
	if result.Digest != root.Digest || result.Kind != "skills" || result.Config != nil || len(result.Layers) != 3 {
		t.Errorf("got %+v, want digest %s, kind skills, no config, and three layers", result, root.Digest)
	}
	chosen := pulltest.NewDir(t)
	opts := pull.Options{NoSync: true, Selection: pull.Selection{Include: []string{"two"}}}
	if _, err := pull.Artifact(t.Context(), src, "v1", chosen, opts); err != nil {
		t.Fatal(err)
	}
	pulltest.WantFiles(t, chosen, map[string]string{"two/": "", "two/a.txt": "2"})
}

// TestCollectionRefuses pulls hostile collections, and checks that no file is placed.
func TestCollectionRefuses(t *testing.T) {
	t.Parallel()
	many := func(src *pulltest.Source, n int, size int64) []ocispec.Descriptor {
		var all []ocispec.Descriptor
		for i := range n {
			all = append(all, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString(fmt.Sprint(i)), Size: size})
		}
		return all
	}
	for name, tc := range map[string]struct {
		members func(*pulltest.Source) []ocispec.Descriptor
		want    string
	}{
		"a title in two members": {func(src *pulltest.Source) []ocispec.Descriptor {
			return []ocispec.Descriptor{src.Manifest(t, "a", src.Layer(t, "x", "1")), src.Manifest(t, "b", src.Layer(t, "x", "2"))}
		}, "two layers have this title"},
		"a collection in the collection": {func(src *pulltest.Source) []ocispec.Descriptor {
			return []ocispec.Descriptor{storeCollection(t, src, src.Manifest(t, "a", src.Layer(t, "x", "1")))}
		}, "of the collection is an index"},
		"too many members":    {func(src *pulltest.Source) []ocispec.Descriptor { return many(src, 1001, 10) }, "limit is 1000"},
		"too large manifests": {func(src *pulltest.Source) []ocispec.Descriptor { return many(src, 9, 4<<20) }, "limit is 32 MiB in total"},
		"a blob as a member":  {func(src *pulltest.Source) []ocispec.Descriptor { return []ocispec.Descriptor{src.Layer(t, "x", "1")} }, "neither a manifest nor an index"},
		"a missing member":    {func(src *pulltest.Source) []ocispec.Descriptor { return many(src, 1, 10) }, "not found"},
		"a title outside the destination": {func(src *pulltest.Source) []ocispec.Descriptor {
			return []ocispec.Descriptor{src.Manifest(t, "a", src.Layer(t, "../x", "1"))}
		}, "leaves the destination"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := pulltest.NewSource()
			storeCollection(t, src, tc.members(src)...)
			dst := pulltest.NewDir(t)
			if _, err := pull.Artifact(t.Context(), src, "v1", dst, pull.Options{NoSync: true}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			pulltest.WantFiles(t, dst, map[string]string{})
		})
	}
}
