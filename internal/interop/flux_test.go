//go:build clients

package interop

import (
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
)

// TestFluxReadsDavit pushes an artifact with davit, and pulls it with flux's own library.
func TestFluxReadsDavit(t *testing.T) {
	t.Parallel()
	flux := clients.New(t, "flux")
	ref := repo(t, "manifests") + ":v1"
	push(t, example("flux"), "", ref)
	out := t.TempDir()
	flux.Run("pull", "artifact", "oci://"+ref, "--output", out)
	wantFiles(t, readFiles(t, out), readFiles(t, filepath.Join(example("flux"), "manifests")))
}

// TestDavitReadsFlux pulls an artifact that flux pushed, and checks that davit packs the same files to the same config.
func TestDavitReadsFlux(t *testing.T) {
	t.Parallel()
	flux := clients.New(t, "flux")
	ref := repo(t, "manifests") + ":v1"
	source, err := filepath.Abs(filepath.Join(example("flux"), "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	flux.Run("push", "artifact", "oci://"+ref, "--path", source, "--source", "https://example.com/r.git", "--revision", "main@sha1:abc")
	wantKind(t, ref, "flux")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dir), readFiles(t, source))
	theirs, _ := manifestOf(t, ref)
	ours := push(t, example("flux"), "", ref+"-ours")
	if mine, native := readFluxConfig(t, blobOf(t, ref, *ours.Config)), readFluxConfig(t, blobOf(t, ref, theirs.Config)); !sameJSON(mine, native) {
		t.Errorf("got the config %v, want that of flux, %v", mine, native)
	}
}

// readFluxConfig decodes a config without the diff IDs, which differ because flux's tar begins with an entry for the directory
// itself, and without the empty history that some versions write.
func readFluxConfig(t *testing.T, data []byte) map[string]any {
	t.Helper()
	config := decodeJSON(t, data).(map[string]any)
	delete(config, "history")
	config["rootfs"].(map[string]any)["diff_ids"] = nil
	return config
}
