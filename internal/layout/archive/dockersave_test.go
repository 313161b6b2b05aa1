package archive

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// dockerArchive writes an archive like older versions of docker save, with manifest.json first, and returns its path. The Uname of
// an entry is its content.
func dockerArchive(t *testing.T, manifest string, entries ...tar.Header) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "saved.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w := tar.NewWriter(f)
	for _, h := range append([]tar.Header{{Name: "manifest.json", Uname: manifest}}, entries...) {
		body := h.Uname
		h.Uname, h.Mode = "", 0o644
		if h.Linkname == "" {
			h.Size = int64(len(body))
		} else {
			h.Typeflag = tar.TypeSymlink
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDockerSave(t *testing.T) {
	t.Parallel()
	name := dockerArchive(t, `[{"Config":"c.json","RepoTags":["docker.io/library/app:1.0"],"Layers":["1/layer.tar","2/layer.tar"]}]`,
		tar.Header{Name: "c.json", Uname: `{"architecture":"amd64","os":"linux"}`},
		tar.Header{Name: "1/layer.tar", Uname: "layer"},
		tar.Header{Name: "2/layer.tar", Linkname: "../1/layer.tar"})
	a, err := Open(name, reference.Write)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := a.Resolve(t.Context(), "1.0")
	if err != nil {
		t.Fatal(err)
	}
	links, err := catalog.LinksOf(a.Catalog, desc)
	if err != nil || len(links.Blobs) != 3 || links.Blobs[0].Digest != digest.FromString("layer") || links.Blobs[1].Digest != links.Blobs[0].Digest {
		t.Errorf("got the blobs %v, %v, want the layer twice and the config", links.Blobs, err)
	}
	layer := ocispec.Descriptor{Digest: digest.FromString("layer"), Size: 5}
	if data, err := content.FetchAll(t.Context(), a, layer); err != nil || string(data) != "layer" {
		t.Errorf("got the layer %q, %v, want layer", data, err)
	}
	if err := a.Tag(t.Context(), desc, "2.0"); err == nil {
		t.Error("a docker save archive was tagged")
	}
	if err := a.Close(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestDockerSaveRefuses(t *testing.T) {
	t.Parallel()
	for name, manifest := range map[string]string{
		"invalid JSON":               `[{`,
		"no images":                  `[]`,
		"a missing config":           `[{"Config":"c.json","Layers":[]}]`,
		"a path outside the archive": `[{"Config":"../../../../etc/hostname","Layers":[]}]`,
	} {
		a, err := Open(dockerArchive(t, manifest), reference.Read)
		if !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%s: got %v, want ErrRefused", name, err)
		}
		if err == nil {
			_ = a.Close(t.Context(), nil)
		}
	}
}
