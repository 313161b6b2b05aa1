package interop

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// listZip returns the names in a zip archive.
func listZip(t *testing.T, data []byte) []string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	return names
}

// TestModuleMeetsTofuRules checks what tofu's module installer requires: an artifact type, and one layer, a zip with the module at
// its root.
func TestModuleMeetsTofuRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "module") + ":1.0.0"
	push(t, example("opentofu-module"), "", ref)
	m, _ := manifestOf(t, ref)
	if m.ArtifactType != "application/vnd.opentofu.modulepkg" || len(m.Layers) != 1 || m.Layers[0].MediaType != "archive/zip" {
		t.Fatalf("got the manifest %+v", m)
	}
	if names := listZip(t, blobOf(t, ref, m.Layers[0])); !slices.Equal(names, []string{"main.tf"}) {
		t.Errorf("got an archive with %q, want main.tf", names)
	}
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	again := push(t, dir, "kind: opentofu-module\nversion: 1.0.0\nlayers: [greeting.zip]\n", ref)
	if again.Layers[0].Digest != m.Layers[0].Digest {
		t.Errorf("packing the pulled archive again: got %s, want %s", again.Layers[0].Digest, m.Layers[0].Digest)
	}
}

// TestProviderMeetsTofuRules checks what tofu requires of a provider mirror: artifact types of the index, the entries, and their
// manifests, and the unchanged archive for each platform.
func TestProviderMeetsTofuRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "provider") + ":1.2.3"
	result := push(t, example("opentofu-provider"), "", ref)
	target, _ := open(t, ref, registry.Read)
	data, err := content.FetchAll(t.Context(), target, result.Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	if index.ArtifactType != "application/vnd.opentofu.provider" || len(index.Manifests) != 2 {
		t.Fatalf("got the index %+v", index)
	}
	want := readFiles(t, example("opentofu-provider"))
	for _, entry := range index.Manifests {
		const kind = "application/vnd.opentofu.provider-target"
		var m ocispec.Manifest
		if data, err = content.FetchAll(t.Context(), target, entry); err == nil {
			err = json.Unmarshal(data, &m)
		}
		if err != nil || entry.ArtifactType != kind || m.ArtifactType != kind || len(m.Layers) != 1 {
			t.Fatalf("got the entry %+v, manifest %+v, %v", entry, m, err)
		}
		name := "terraform-provider-greeting_1.2.3_" + entry.Platform.OS + "_" + entry.Platform.Architecture + ".zip"
		if string(blobOf(t, ref, m.Layers[0])) != want[name] {
			t.Errorf("%s differs from the file of the release", name)
		}
	}
}

// TestModuleMeetsCueRules checks the two layers that cue requires: the archive of the module, without entries for directories, and the
// file that declares the module.
func TestModuleMeetsCueRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "cue") + ":v0.1.0"
	push(t, example("cue"), "", ref)
	m, _ := manifestOf(t, ref)
	if len(m.Layers) != 2 || m.Layers[0].MediaType != "application/zip" || m.Layers[1].MediaType != "application/vnd.cue.modulefile.v1" {
		t.Fatalf("got the manifest %+v", m)
	}
	names := listZip(t, blobOf(t, ref, m.Layers[0]))
	if !slices.Equal(names, []string{"cue.mod/module.cue", "greeting.cue"}) {
		t.Errorf("got an archive with %q, want cue.mod/module.cue and greeting.cue", names)
	}
	if !strings.Contains(string(blobOf(t, ref, m.Layers[1])), `module: "example.com/greeting@v0"`) {
		t.Error("the second layer does not declare the module")
	}
	wantKind(t, ref, "cue")
}

// TestReleaseFilesMeetCurlRules downloads each file by its checksum, which is also the digest of its blob. It checks that the index
// has the platform of each file.
func TestReleaseFilesMeetCurlRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "binary") + ":1.0.0"
	result := push(t, example("binary"), "", ref)
	host, name, _ := strings.Cut(strings.TrimSuffix(ref, ":1.0.0"), "/")
	for file, content := range readFiles(t, example("binary")) {
		if file == "davit.yaml" {
			continue
		}
		resp, err := http.Get("http://" + host + "/v2/" + name + "/blobs/" + digest.FromString(content).String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != content {
			t.Errorf("%s: got %s %q, %v, want its content", file, resp.Status, body, err)
		}
	}
	for _, entry := range result.Manifests {
		if want := "greeting-" + entry.Platform.OS + "-" + entry.Platform.Architecture; !strings.HasPrefix(entry.Annotations[ocispec.AnnotationTitle], want) {
			t.Errorf("got the entry %+v", entry)
		}
	}
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true, Selection: pull.Selection{Platform: &ocispec.Platform{OS: "linux", Architecture: "arm64"}}})
	wantFiles(t, readFiles(t, dir), map[string]string{"greeting-linux-arm64": readFiles(t, example("binary"))["greeting-linux-arm64"]})
	wantKind(t, ref, "binary")
}
