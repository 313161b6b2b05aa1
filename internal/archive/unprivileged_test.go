package archive_test

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"testing"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/extract"
)

// TestUnprivilegedPreserve checks that Unprivileged drops setuid, setgid, and capabilities, without a note about them.
func TestUnprivilegedPreserve(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	hdr := &tar.Header{
		Name: "tool", Mode: 0o6755, Size: 1, Uid: os.Getuid(), Gid: os.Getgid(),
		PAXRecords: map[string]string{archive.XattrPrefix + "security.capability": "x", archive.XattrPrefix + "user.note": "y"},
	}
	if err := w.WriteHeader(hdr); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	opts := extract.Options{Preserve: true, Unprivileged: true, Note: func(name, what string) {
		if what != "user.note" { // not every file system has attributes
			t.Errorf("%s: could not restore %s", name, what)
		}
	}}
	if err := extract.Extract(t.Context(), &buf, root, opts); err != nil {
		t.Fatal(err)
	}
	info, err := root.Stat("tool")
	if err != nil || info.Mode() != fs.FileMode(0o755) {
		t.Errorf("got the mode %v, %v, want 0755", info.Mode(), err)
	}
}
