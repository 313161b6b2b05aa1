package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/archive"
	"github.com/opencontainers/go-digest"
)

// TestCutShort truncates an archive at many offsets. It checks that an error says that the archive is cut short and has a hint.
func TestCutShort(t *testing.T) {
	t.Parallel()
	blob := strings.Repeat("x", 700)
	for name, entries := range map[string][][2]string{
		"index first": {{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`}, {"index.json", `{"schemaVersion":2,"manifests":[]}`}, {"blobs/sha256/" + digest.FromString(blob).Encoded(), blob}},
		"index last":  {{"blobs/sha256/" + digest.FromString(blob).Encoded(), blob}, {"other", "x"}, {"oci-layout", `{"imageLayoutVersion":"1.0.0"}`}, {"index.json", `{"schemaVersion":2,"manifests":[]}`}},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, e := range entries {
			if err := w.WriteHeader(&tar.Header{Name: e[0], Size: int64(len(e[1])), Mode: 0o644}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(e[1])); err != nil {
				t.Fatal(err)
			}
		}
		end := b.Len() // without the zero blocks at the end
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "a.tar")
		for n := 512; n <= b.Len(); n += 64 {
			if err := os.WriteFile(file, b.Bytes()[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := archive.OpenTar(file)
			var known *artifact.Error
			switch {
			case err == nil: // only padding, or whole entries after the index, are missing
				if n < end && name == "index last" {
					t.Errorf("%s, %d of %d bytes: got no error, want one", name, n, b.Len())
				}
			case n == b.Len() || !errors.As(err, &known) || !errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), "cut short after") || known.Hint == "":
				t.Errorf("%s, %d of %d bytes: got %v, want a hint and cut short, or no error for the whole archive", name, n, b.Len(), err)
			}
		}
	}
}
