package layout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// TestNamesOfRepositories checks that several repositories in a layout or archive can have the same tag.
func TestNamesOfRepositories(t *testing.T) {
	t.Parallel()
	var blobs [][]byte
	var descs []ocispec.Descriptor
	for i := range 4 {
		blobs = append(blobs, jsonOf(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
			Config: ocispec.DescriptorEmptyJSON, Annotations: map[string]string{"n": fmt.Sprint(i)}}))
		descs = append(descs, content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, blobs[i]))
	}
	forEachPlace(t, func(t *testing.T, path string) {
		writePlace(t, path, "./", layoutOf(indexOf(descs...), append(blobs, []byte("{}"))...))
		target := openFor(t, path, reference.Write)
		names := target.(interface {
			TagFrom(ctx context.Context, desc ocispec.Descriptor, repository, tag string) error
			ResolveFrom(ctx context.Context, repository, tag string) (ocispec.Descriptor, error)
			Repositories(ctx context.Context) ([]string, bool, error)
			TagsOf(ctx context.Context, repository string) ([]string, error)
			FullTags(ctx context.Context) ([]string, error)
		})
		// want checks that a reference resolves to the nth manifest, or is ambiguous if n is -1.
		want := func(what string, reference string, n int) {
			t.Helper()
			got, err := target.Resolve(t.Context(), reference)
			if n < 0 && !errors.Is(err, artifact.ErrInvalid) || n >= 0 && (err != nil || got.Digest != descs[n].Digest) {
				t.Errorf("%s: %s: got %s, %v, want manifest %d", what, reference, got.Digest, err, n)
			}
		}
		tag := func(n int, repository string) {
			t.Helper()
			for range 2 { // the second call must not change anything
				if err := names.TagFrom(t.Context(), descs[n], repository, "1.0"); err != nil {
					t.Fatal(err)
				}
			}
		}
		tag(0, "a.example/app")
		want("one repository", "1.0", 0)
		tag(1, "b.example/app")
		want("two repositories", "1.0", -1)
		want("two repositories", "app:1.0", -1)
		want("two repositories", "a.example/app:1.0", 0)
		want("two repositories", "b.example/app:1.0", 1)
		tag(2, "a.example/app")
		want("a tag that moved", "a.example/app:1.0", 2)
		want("a tag that moved", "b.example/app:1.0", 1)
		if err := target.Tag(t.Context(), descs[3], "1.0"); err != nil {
			t.Fatal(err)
		}
		want("a tag without a repository", "1.0", 3)
		want("a tag without a repository", "a.example/app:1.0", 2)
		want("a tag without a repository", "b.example/app:1.0", 1)
		if _, err := names.ResolveFrom(t.Context(), "c.example/app", "1.0"); err != nil {
			t.Errorf("1.0 of a repository without tags: got %v, want the tag without a repository", err)
		}
		got, nameless, err := names.Repositories(t.Context())
		if err != nil || !nameless || !slices.Equal(got, []string{"a.example/app", "b.example/app"}) {
			t.Errorf("got the repositories %q, %t, %v, want two, and true", got, nameless, err)
		}
		if tags, err := names.TagsOf(t.Context(), "b.example/app"); err != nil || !slices.Equal(tags, []string{"1.0"}) {
			t.Errorf("got the tags %q, %v, want 1.0", tags, err)
		}
		if full, err := names.FullTags(t.Context()); err != nil || !slices.Equal(full, []string{"1.0", "a.example/app:1.0", "b.example/app:1.0"}) {
			t.Errorf("got the names %q, %v, want three", full, err)
		}
		if err := target.Untag(t.Context(), "a.example/app:1.0"); err != nil {
			t.Fatal(err)
		}
		if _, err := target.Resolve(t.Context(), "a.example/app:1.0"); !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("a removed name: got %v, want ErrNotFound", err)
		}
		want("after a.example/app:1.0 was removed", "b.example/app:1.0", 1)
		want("after a.example/app:1.0 was removed", "1.0", 3)
	})
}

func FuzzSplitName(f *testing.F) {
	for _, name := range []string{"1.0", "docker.io/library/x:1", "charts/web:1.0", "localhost:5000/x", "a@sha256:00", "[::1]:5/x:y", ":", "/"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		host, repository, tag := reference.SplitName(name)
		if repository == "" && (host != "" || tag != "" && tag != name) {
			t.Errorf("%q: got %q %q %q, want no host, and the name or nothing as the tag", name, host, repository, tag)
		}
		if repository != "" && (reference.ValidateRepository(host, repository, tag) != nil || reference.ValidateTag(tag) != nil) {
			t.Errorf("%q: got %q %q %q, want a valid repository and tag", name, host, repository, tag)
		}
	})
}
