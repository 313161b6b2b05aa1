package interop

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// entriesOf returns the names in the only layer of an artifact, a compressed tar, and the manifest.
func entriesOf(t *testing.T, ref string) ([]string, ocispec.Manifest) {
	t.Helper()
	m, _ := manifestOf(t, ref)
	if len(m.Layers) != 1 || m.Layers[0].MediaType != mediatypes.LayerTarGzip {
		t.Fatalf("got the layers %+v", m.Layers)
	}
	r, err := gzip.NewReader(bytes.NewReader(blobOf(t, ref, m.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range tarHeaders(t, plain) {
		names = append(names, h.Name)
	}
	return names, m
}

// TestManifestsMeetArgoRules checks what Argo CD requires: one layer of a media type that it accepts by default, manifests at the root
// of the tar, and the annotations that it shows.
func TestManifestsMeetArgoRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "argo") + ":1.0.0"
	push(t, example("manifests"), "", ref)
	names, m := entriesOf(t, ref)
	if !slices.Contains(names, "kustomization.yaml") || m.Annotations[ocispec.AnnotationRevision] == "" || m.Layers[0].Annotations != nil {
		t.Errorf("got the entries %q of %+v", names, m)
	}
}

// TestBundleMeetsOPARules checks the bundle in the layer that OPA's downloader opens, the first one with the type of a compressed tar.
func TestBundleMeetsOPARules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "bundle") + ":1.0.0"
	push(t, example("opa"), "", ref)
	names, _ := entriesOf(t, ref)
	for _, want := range []string{".manifest", "greeting/data.json", "greeting/greeting.rego"} {
		if !slices.Contains(names, want) {
			t.Errorf("got a bundle with %q, want %s, too", names, want)
		}
	}
	wantKind(t, ref, "opa")
}

// TestPoliciesMeetConftestRules checks the layers for conftest, which writes each layer to the file in its title.
func TestPoliciesMeetConftestRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "tests") + ":1.0.0"
	push(t, example("conftest"), "", ref)
	m, _ := manifestOf(t, ref)
	want := readFiles(t, example("conftest"))
	for _, l := range m.Layers {
		title := l.Annotations[ocispec.AnnotationTitle]
		if string(blobOf(t, ref, l)) != want[title] || !strings.HasPrefix(l.MediaType, "application/vnd.cncf.openpolicyagent.") {
			t.Errorf("got the layer %+v, want a file of the example", l)
		}
	}
	if len(m.Layers) != 2 {
		t.Errorf("got the layers %+v", m.Layers)
	}
}

// TestDavitReadsOPABundles pulls bundles as "opa build" writes them, with file names that begin with a slash. davit pushes one bundle.
// The other has the config type of an image, as if oras had pushed it in the way that OPA's documentation describes.
func TestDavitReadsOPABundles(t *testing.T) {
	t.Parallel()
	want := map[string]string{"data.json": "{}", "greeting/greeting.rego": "package greeting\n"}
	var tarred bytes.Buffer
	gz := gzip.NewWriter(&tarred)
	w := tar.NewWriter(gz)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if err := w.WriteHeader(&tar.Header{Name: "/" + name, Mode: 0o600, Size: int64(len(want[name]))}); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, want[name])
	}
	if err := errors.Join(w.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bundle.tar.gz"), tarred.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, pushBundle := range map[string]func(ref string){
		"davit": func(ref string) { push(t, dir, "kind: opa\nlayers: [bundle.tar.gz]\n", ref) },
		"oras": func(ref string) {
			target, _ := open(t, ref, registry.Write)
			config, err := oras.PushBytes(t.Context(), target, ocispec.MediaTypeImageConfig, []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			layer, err := oras.PushBytes(t.Context(), target, mediatypes.LayerTarGzip, tarred.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			layer.Annotations = map[string]string{ocispec.AnnotationTitle: "bundle.tar.gz"}
			desc, err := oras.PackManifest(t.Context(), target, oras.PackManifestVersion1_1, ocispec.MediaTypeImageConfig,
				oras.PackManifestOptions{ConfigDescriptor: &config, Layers: []ocispec.Descriptor{layer}})
			if err == nil {
				err = target.Tag(t.Context(), desc, "1.0.0")
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		ref := repo(t, name) + ":1.0.0"
		pushBundle(ref)
		wantKind(t, ref, "opa")
		got, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
		wantFiles(t, readFiles(t, got), want)
	}
}
