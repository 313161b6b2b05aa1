package pull_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/pulltest"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/read"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestPreviewReferrers compares the results of PreviewReferrers and Artifact for an artifact, and an index, with 0 to 3 referrers with files
// and as many without.
func TestPreviewReferrers(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		src := pulltest.NewSource()
		subject := src.Manifest(t, "v1", src.Layer(t, "a", "a"))
		subject.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
		index := src.Document(t, "index", ocispec.Index{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{subject},
		})
		for i := range n {
			of := []ocispec.Descriptor{subject, index}[i%2]
			empty := src.Referrer(t, of, "application/vnd.example.empty", string(rune('0'+i)))
			if err := src.Tag(t.Context(), empty, empty.Digest.String()); err != nil {
				t.Fatal(err)
			}
			note := src.Document(t, "note", ocispec.Manifest{
				Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.example.note",
				Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{src.Layer(t, "note", string(rune('0'+i)))}, Subject: &of,
			})
			if err := src.Tag(t.Context(), note, note.Digest.String()); err != nil {
				t.Fatal(err)
			}
		}
		for _, ref := range []string{"v1", "index"} {
			dst := pulltest.NewDir(t)
			opts := pull.Options{Referrers: true, NoSync: true}
			opts.Platform = subject.Platform
			listed, err := read.List(t.Context(), src, ref, read.ListOptions{Platform: opts.Platform})
			if err != nil {
				t.Fatal(err)
			}
			root, err := src.Resolve(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			err = pull.PreviewReferrers(t.Context(), src, root, listed.Result, func(digest, dir string) (*pull.Result, error) {
				if _, err := os.Lstat(filepath.Join(dst.Name(), dir)); err == nil {
					t.Errorf("%s was created", dir)
				}
				one, err := read.List(t.Context(), src, digest, read.ListOptions{})
				if err != nil {
					return nil, err
				}
				return one.Result, pull.Preview(t.Context(), src, nil, one.Result, pull.Options{})
			})
			if err != nil {
				t.Fatal(err)
			}
			pulled, err := pull.Artifact(t.Context(), src, ref, dst, opts)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(listed.Referrers)
			if err != nil {
				t.Fatal(err)
			}
			want, err := json.Marshal(pulled.Referrers)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("%s with %d: got %s, want %s", ref, n, got, want)
			}
			if expected := map[string]int{"v1": (n + 1) / 2, "index": n}[ref]; len(pulled.Referrers) != expected {
				t.Errorf("%s with %d: got %d referrers, want %d", ref, n, len(pulled.Referrers), expected)
			}
		}
	}
}
