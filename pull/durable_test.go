package pull_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
)

// oneFile returns an artifact with one file, under the tag "v1".
func oneFile(t *testing.T, name, data string) oras.Target {
	t.Helper()
	store := memory.New()
	layer, err := oras.PushBytes(t.Context(), store, "application/octet-stream", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	layer.Annotations = map[string]string{ocispec.AnnotationTitle: name}
	desc, err := oras.PackManifest(t.Context(), store, oras.PackManifestVersion1_1, "application/x",
		oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Tag(t.Context(), desc, "v1"); err != nil {
		t.Fatal(err)
	}
	return store
}

// TestRecordAfterPowerLoss damages a file as power loss does: its time and size may be right, but not its content. Whether the
// record of the last pull is trusted depends on whether it is marked as synced.
func TestRecordAfterPowerLoss(t *testing.T) {
	t.Parallel()
	const data = "some content"
	otherBoot := func(record string) string {
		return regexp.MustCompile(`"boot":"[^"]*"`).ReplaceAllString(record, `"boot":"another"`)
	}
	for name, test := range map[string]struct {
		noSync  bool
		edit    func(string) string
		damaged string
		trusted bool
	}{
		"not synced, zeros":     {true, otherBoot, strings.Repeat("\x00", len(data)), false},
		"not synced, cut":       {true, otherBoot, "some", false},
		"not synced, empty":     {true, otherBoot, "", false},
		"not synced, same boot": {true, func(r string) string { return r }, data, true},
		"synced":                {false, otherBoot, data, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dir := oneFile(t, "a.txt", data), t.TempDir()
			dst, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer dst.Close()
			opts := pull.Options{State: filepath.Join(t.TempDir(), "state"), NoSync: test.noSync}
			if _, err := pull.Artifact(t.Context(), src, "v1", dst, opts); err != nil {
				t.Fatal(err)
			}
			record, err := os.ReadFile(opts.State)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(opts.State, []byte(test.edit(string(record))), 0o600); err != nil {
				t.Fatal(err)
			}
			info, err := dst.Stat("a.txt")
			if err != nil {
				t.Fatal(err)
			}
			if err := dst.WriteFile("a.txt", []byte(test.damaged), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := dst.Chtimes("a.txt", info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
			result, err := pull.Artifact(t.Context(), src, "v1", dst, opts)
			if err != nil {
				t.Fatal(err)
			}
			if result.Skipped != test.trusted {
				t.Errorf("skipped: %t, want %t", result.Skipped, test.trusted)
			}
			if got, err := dst.ReadFile("a.txt"); string(got) != data {
				t.Errorf("a.txt is %q (%v), want %q", got, err, data)
			}
		})
	}
}
