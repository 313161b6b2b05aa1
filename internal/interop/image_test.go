//go:build clients

package interop

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestPodmanMountsImage packs an image with davit, and pulls and mounts it with podman.
func TestPodmanMountsImage(t *testing.T) {
	podman := clients.Podman(t)
	ref := repo(t, "greeting-data") + ":v1"
	push(t, example("image"), "", ref)
	podman.Run("pull", "--tls-verify=false", ref)
	dir, _ := podman.Run("image", "mount", ref)
	wantFiles(t, readFiles(t, strings.TrimSpace(dir)), readFiles(t, filepath.Join(example("image"), "rootfs")))
}

// TestSkopeoCopiesImages checks that skopeo inspects and copies images that davit pushed.
func TestSkopeoCopiesImages(t *testing.T) {
	t.Parallel()
	for kind, declaration := range map[string]string{"image": "", "volume": "", "wasm": "kind: image\nlayers: [greeting.wasm]\n"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			skopeo := clients.New(t, "skopeo")
			ref := repo(t, "image") + ":v1"
			result := push(t, example(kind), declaration, ref)
			skopeo.Run("copy", "--insecure-policy", "--src-tls-verify=false", "--override-os", platformOS(t, ref), "docker://"+ref, "oci:"+filepath.Join(skopeo.Home, "l")+":v1")
			out, _ := skopeo.Run("inspect", "--raw", "oci:"+filepath.Join(skopeo.Home, "l")+":v1")
			if !strings.Contains(out, result.Config.Digest.String()) {
				t.Errorf("skopeo copied %s, want the config %s", out, result.Config.Digest)
			}
		})
	}
}

// platformOS returns the operating system of an image, and checks that the image has as many diff_ids as layers.
func platformOS(t *testing.T, ref string) string {
	t.Helper()
	m, _ := manifestOf(t, ref)
	var image ocispec.Image
	if err := json.Unmarshal(blobOf(t, ref, m.Config), &image); err != nil {
		t.Fatal(err)
	}
	if len(image.RootFS.DiffIDs) != len(m.Layers) {
		t.Errorf("got %d diff_ids for %d layers", len(image.RootFS.DiffIDs), len(m.Layers))
	}
	return image.OS
}

// TestDavitReadsImage pulls an image that crane created, and checks the pulled files.
func TestDavitReadsImage(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "srv/hello", Mode: 0o644, Size: 6}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	crane := clients.New(t, "crane")
	if err := os.WriteFile(filepath.Join(crane.Home, "a.tar"), archive.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	ref := repo(t, "image") + ":v1"
	crane.Run("append", "-f", "a.tar", "-t", ref)
	wantKind(t, ref, "image")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dir), map[string]string{"srv/hello": "hello\n"})
}

// TestPodmanRestoresVolume packs a volume with davit, and compares its files with those that podman mounts and davit pulls.
func TestPodmanRestoresVolume(t *testing.T) {
	podman := clients.Podman(t)
	ref := repo(t, "greeting-data") + ":v1"
	push(t, example("volume"), "", ref)
	wantKind(t, ref, "volume")
	podman.Run("pull", "--tls-verify=false", ref)
	dir, _ := podman.Run("image", "mount", ref)
	data := filepath.Join(strings.TrimSpace(dir), "volume-data")
	want := readFiles(t, filepath.Join(example("volume"), "_data"))
	wantFiles(t, readFiles(t, data), want)
	got, _ := pullArtifact(t, ref, pull.Options{NoSync: true, Preserve: true})
	wantFiles(t, readFiles(t, got), want)
}

// TestVolumeOnBase checks that a volume packed on a base image has the files of the base image beside volume-data. Docker Desktop
// runs such an image to restore the volume.
func TestVolumeOnBase(t *testing.T) {
	podman := clients.Podman(t)
	ref := repo(t, "base") + ":v1"
	result := push(t, example("image"), "", ref)
	target, _ := open(t, ref, registry.Write)
	plan, fsys := compose(t, example("volume"), "")
	base := &pack.Base{Source: target, Descriptor: ocispec.Descriptor{MediaType: result.MediaType, Digest: result.Digest, Size: result.Size}}
	volume := strings.TrimSuffix(ref, "v1") + "volume"
	pushPlan(t, plan, fsys, volume, pack.Options{Base: base})
	platformOS(t, volume) // checks the number of diff_ids
	podman.Run("pull", "--tls-verify=false", volume)
	dir, _ := podman.Run("image", "mount", volume)
	want := readFiles(t, filepath.Join(example("image"), "rootfs"))
	for name, data := range readFiles(t, filepath.Join(example("volume"), "_data")) {
		want["volume-data/"+name] = data
	}
	wantFiles(t, readFiles(t, strings.TrimSpace(dir)), want)
}

// TestPodmanMountsModelcar packs a model as an image with davit, and pulls and mounts it with podman.
func TestPodmanMountsModelcar(t *testing.T) {
	podman := clients.Podman(t)
	ref := repo(t, "car") + ":v1"
	push(t, example("modelcar"), "", ref)
	podman.Run("pull", "--tls-verify=false", ref)
	dir, _ := podman.Run("image", "mount", ref)
	wantFiles(t, readFiles(t, filepath.Join(strings.TrimSpace(dir), "models")), readFiles(t, filepath.Join(example("modelcar"), "model")))
	wantKind(t, ref, "modelcar")
}
