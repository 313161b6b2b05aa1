//go:build clients

package interop

import (
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
)

// TestFluxReadsDavit pulls with flux's own library what davit packed.
func TestFluxReadsDavit(t *testing.T) {
	t.Parallel()
	flux := clients.New(t, "flux")
	ref := repo(t, "manifests") + ":v1"
	push(t, example("flux"), "", ref)
	out := t.TempDir()
	flux.Run("pull", "artifact", "oci://"+ref, "--output", out)
	sameFiles(t, files(t, out), files(t, filepath.Join(example("flux"), "manifests")))
}

// TestDavitReadsFlux pulls what flux pushed; the configs are the same.
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
	dir, _ := pulled(t, ref, pull.Options{NoSync: true})
	sameFiles(t, files(t, dir), files(t, source))
	theirs, _ := manifestOf(t, ref)
	ours := push(t, example("flux"), "", ref+"-ours")
	if mine, native := fluxConfig(t, blobOf(t, ref, *ours.Config)), fluxConfig(t, blobOf(t, ref, theirs.Config)); !sameJSON(mine, native) {
		t.Errorf("our config is %v, flux's %v", mine, native)
	}
}

// fluxConfig returns a config without what depends on the tar, which flux begins with an entry for the directory itself, and
// without the empty history that some versions write.
func fluxConfig(t *testing.T, data []byte) map[string]any {
	t.Helper()
	config := decoded(t, data).(map[string]any)
	delete(config, "history")
	config["rootfs"].(map[string]any)["diff_ids"] = nil
	return config
}
