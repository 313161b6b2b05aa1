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

// newFileStore returns a store that has an artifact with one file under the tag "v1".
func newFileStore(t *testing.T, name, data string) oras.Target {
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

// TestRecordAfterPowerLoss checks that a pull trusts the record of the last pull only if the files were synced or the machine was
// not rebooted. Otherwise it must compare contents: power loss can damage a file and keep its time.
func TestRecordAfterPowerLoss(t *testing.T) {
	t.Parallel()
	const data = "some content"
	otherBoot := func(record string) string {
		return regexp.MustCompile(`"boot":"[^"]*"`).ReplaceAllString(record, `"boot":"another"`)
	}
	for name, test := range map[string]struct {
		noSync  bool
		edit    func(string) string
		content string // of the file before the second pull
		trusted bool
	}{
		"not synced, rebooted, zeros":     {true, otherBoot, strings.Repeat("\x00", len(data)), false},
		"not synced, rebooted, truncated": {true, otherBoot, "some", false},
		"not synced, rebooted, empty":     {true, otherBoot, "", false},
		"not synced, same boot":           {true, func(r string) string { return r }, data, true},
		"synced, rebooted":                {false, otherBoot, data, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dir := newFileStore(t, "a.txt", data), t.TempDir()
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
			if err := dst.WriteFile("a.txt", []byte(test.content), 0o600); err != nil {
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
				t.Errorf("skipped: got %t, want %t", result.Skipped, test.trusted)
			}
			if got, err := dst.ReadFile("a.txt"); string(got) != data {
				t.Errorf("a.txt: got %q, %v, want %q", got, err, data)
			}
		})
	}
}
