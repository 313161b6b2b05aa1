package interop

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// entriesOf lists the names in the only layer of an artifact, a compressed tar, and its manifest.
func entriesOf(t *testing.T, ref string) ([]string, ocispec.Manifest) {
	t.Helper()
	m, _ := manifestOf(t, ref)
	if len(m.Layers) != 1 || m.Layers[0].MediaType != mediatypes.LayerTarGzip {
		t.Fatalf("layers are %+v", m.Layers)
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

// TestManifestsAsArgoReadsThem follows Argo CD's client: one layer of a type that it takes by default, manifests at the root
// of the tar, and the annotations that it shows.
func TestManifestsAsArgoReadsThem(t *testing.T) {
	t.Parallel()
	ref := repo(t, "argo") + ":1.0.0"
	push(t, example("manifests"), "", ref)
	names, m := entriesOf(t, ref)
	if !slices.Contains(names, "kustomization.yaml") || m.Annotations[ocispec.AnnotationRevision] == "" || m.Layers[0].Annotations != nil {
		t.Errorf("entries %q of %+v", names, m)
	}
}

// TestBundleAsOPAReadsIt follows OPA's downloader, which opens the first layer with the type of a compressed tar.
func TestBundleAsOPAReadsIt(t *testing.T) {
	t.Parallel()
	ref := repo(t, "bundle") + ":1.0.0"
	push(t, example("opa"), "", ref)
	names, _ := entriesOf(t, ref)
	for _, want := range []string{".manifest", "greeting/data.json", "greeting/greeting.rego"} {
		if !slices.Contains(names, want) {
			t.Errorf("the bundle has %q, without %s", names, want)
		}
	}
	wantKind(t, ref, "opa")
}

// TestPoliciesAsConftestReadsThem follows conftest's pull, which writes each layer to the file that its title names.
func TestPoliciesAsConftestReadsThem(t *testing.T) {
	t.Parallel()
	ref := repo(t, "tests") + ":1.0.0"
	push(t, example("conftest"), "", ref)
	m, _ := manifestOf(t, ref)
	want := files(t, example("conftest"))
	for _, l := range m.Layers {
		title := l.Annotations[ocispec.AnnotationTitle]
		if string(blobOf(t, ref, l)) != want[title] || !strings.HasPrefix(l.MediaType, "application/vnd.cncf.openpolicyagent.") {
			t.Errorf("layer %+v is not a file of the example", l)
		}
	}
	if len(m.Layers) != 2 {
		t.Errorf("layers are %+v", m.Layers)
	}
}
