package interop

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// The clients of these kinds can't install from a test registry. The tests check the rules in their sources instead.

// TestModelKitMeetsKitRules checks what kit requires to unpack a ModelKit: each element of the Kitfile has the digest of a layer, and
// each layer is a tar with full paths, in which a directory comes before its files.
func TestModelKitMeetsKitRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "tiny-llama") + ":v1"
	push(t, example("modelkit"), "", ref)
	m, _ := manifestOf(t, ref)
	if m.ArtifactType != mediatypes.ModelKitManifest || m.Config.MediaType != mediatypes.ModelKitConfig {
		t.Errorf("got the manifest %+v", m)
	}
	type element struct{ Path, Digest, DiffID string }
	var kitfile struct {
		ManifestVersion string
		Model           element
		Code, Docs      []element
	}
	if err := json.Unmarshal(blobOf(t, ref, m.Config), &kitfile); err != nil {
		t.Fatal(err)
	}
	elements := append(append([]element{kitfile.Model}, kitfile.Code...), kitfile.Docs...)
	if len(elements) != len(m.Layers) {
		t.Fatalf("got %d elements and %d layers, want as many", len(elements), len(m.Layers))
	}
	for i, l := range m.Layers {
		blob := blobOf(t, ref, l)
		if elements[i].Digest != l.Digest.String() || elements[i].DiffID != digest.FromBytes(blob).String() {
			t.Errorf("got the element %v, want that of layer %s", elements[i], l.Digest)
		}
		dirs := map[string]bool{".": true}
		for _, h := range tarHeaders(t, blob) {
			if h.Typeflag == tar.TypeDir {
				dirs[path.Clean(h.Name)] = true
				continue
			}
			if !dirs[path.Dir(h.Name)] {
				t.Errorf("%s comes before its directory", h.Name)
			}
			if h.Name != elements[i].Path && !strings.HasPrefix(h.Name, elements[i].Path+"/") {
				t.Errorf("%s is not below %s", h.Name, elements[i].Path)
			}
		}
	}
}

func tarHeaders(t *testing.T, data []byte) []*tar.Header {
	t.Helper()
	var headers []*tar.Header
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers
		}
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, h)
	}
}

// TestBottleMeetsBrewRules repeats how brew downloads a bottle: it finds the entry in the index by the sha256 in the formula and the
// name of the bottle, reads the tab in the entry, and gets the blob with the sha256.
func TestBottleMeetsBrewRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "greeting") + ":1.2.3"
	push(t, example("bottle"), "", ref)
	file := readFiles(t, example("bottle"))["greeting--1.2.3.x86_64_linux.bottle.tar.gz"]
	sha256 := digest.FromString(file)

	target, _ := open(t, ref, registry.Read)
	desc, err := target.Resolve(t.Context(), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	data, err := content.FetchAll(t.Context(), target, desc)
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(index.Manifests, func(d ocispec.Descriptor) bool {
		return d.Annotations[mediatypes.BottleDigest] == sha256.Encoded() && d.Annotations[ocispec.AnnotationRefName] == "1.2.3.x86_64_linux"
	})
	if desc.MediaType != ocispec.MediaTypeImageIndex || i < 0 {
		t.Fatalf("brew finds no bottle in %s", data)
	}
	var tab struct {
		HomebrewVersion string `json:"homebrew_version"`
		Arch            string
	}
	if err := json.Unmarshal([]byte(index.Manifests[i].Annotations[mediatypes.BottleTab]), &tab); err != nil || tab.HomebrewVersion == "" || tab.Arch != "x86_64" {
		t.Errorf("got the tab %+v, %v", tab, err)
	}
	manifest, err := content.FetchAll(t.Context(), target, index.Manifests[i])
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil || len(m.Layers) != 1 || m.Layers[0].Digest != sha256 || string(blobOf(t, ref, m.Layers[0])) != file {
		t.Errorf("got the manifest %s, %v", manifest, err)
	}
}
