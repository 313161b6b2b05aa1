package interop

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGoldenManifests compares the manifest and config of every example byte for byte. The same files must have the same digest
// on every machine, and the input of clients that can't run here must not change unnoticed.
func TestGoldenManifests(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds.Data() {
		if kind.ReadOnly {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			plan, fsys := compose(t, example(kind.Name), "")
			for i := range plan.Layers {
				plan.Layers[i].Preserve = false // owners and times differ between checkouts
			}
			store := memory.New()
			result, err := pack.Push(t.Context(), fsys, plan, store, pack.PushOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got := goldenText(t, store, result.Descriptor())
			file := filepath.Join("testdata", "golden", kind.Name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s differs (%v); renew it with -update and read what changed:\n%s", file, err, got)
			}
		})
	}
}

// goldenText returns the digest, the manifest, and the config of an artifact, one line each. For an index, it appends the text of
// each entry.
func goldenText(t *testing.T, store content.Fetcher, desc ocispec.Descriptor) []byte {
	t.Helper()
	data, err := content.FetchAll(t.Context(), store, desc)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Config    *ocispec.Descriptor
		Manifests []ocispec.Descriptor
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	text := append([]byte(desc.Digest.String()+"\n"), data...)
	text = append(text, '\n')
	if m.Config != nil {
		config, err := content.FetchAll(t.Context(), store, *m.Config)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, config...), '\n')
	}
	for _, inner := range m.Manifests {
		text = append(text, goldenText(t, store, inner)...)
	}
	return text
}

// TestKindFilesPackTheSame checks that the digest of an example stays the same if its kind is read from the kind file that davit prints.
func TestKindFilesPackTheSame(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds.Data() {
		if kind.ReadOnly {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(example(kind.Name))); err != nil {
				t.Fatal(err)
			}
			printed, err := artifact.KindFile(kind)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "own.kind.yaml"), printed, 0o644); err != nil {
				t.Fatal(err)
			}
			declaration, err := os.ReadFile(filepath.Join(dir, "davit.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			own := bytes.Replace(declaration, []byte("kind: "+kind.Name+"\n"), []byte("kind: ./own.kind.yaml\n"), 1)
			if bytes.Equal(own, declaration) {
				t.Fatalf("davit.yaml does not begin with the kind: %s", declaration)
			}
			if got, want := packDigest(t, dir, string(own)), packDigest(t, dir, string(declaration)); got != want {
				t.Errorf("with the kind file: got the digest %s, want %s; kind file:\n%s", got, want, printed)
			}
		})
	}
}

// packDigest packs a directory and returns the digest of the artifact.
func packDigest(t *testing.T, dir, declaration string) digest.Digest {
	t.Helper()
	plan, fsys := compose(t, dir, declaration)
	result, err := pack.Push(t.Context(), fsys, plan, memory.New(), pack.PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return result.Digest
}
