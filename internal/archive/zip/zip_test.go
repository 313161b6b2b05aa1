package zip_test

import (
	"archive/tar"
	stdzip "archive/zip"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/archive/zip"
)

// tarOf returns a function that writes a tar. The Linkname of a regular file is its content.
func tarOf(headers ...tar.Header) func(io.Writer) error {
	return func(w io.Writer) error {
		out := tar.NewWriter(w)
		for _, h := range headers {
			h.Size = int64(len(h.Linkname))
			content := h.Linkname
			if h.Typeflag != tar.TypeReg {
				h.Size = 0
			} else {
				h.Linkname = ""
			}
			if err := out.WriteHeader(&h); err != nil {
				return err
			}
			if h.Typeflag == tar.TypeReg {
				if _, err := io.WriteString(out, content); err != nil {
					return err
				}
			}
		}
		return out.Close()
	}
}

// TestConvert checks that files keep their modes, that only empty directories get entries, and that converting twice creates
// the same bytes.
func TestConvert(t *testing.T) {
	t.Parallel()
	write := tarOf(
		tar.Header{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "a/b/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "a/run", Typeflag: tar.TypeReg, Mode: 0o755, Linkname: strings.Repeat("hello ", 1000)},
		tar.Header{Name: "c/", Typeflag: tar.TypeDir, Mode: 0o755},
	)
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := zip.Convert(b, write); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two archives of the same files differ")
	}
	r, err := stdzip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name+" "+f.Mode().String())
	}
	if want := []string{"a/b/ drwxr-xr-x", "a/run -rwxr-xr-x", "c/ drwxr-xr-x"}; !slices.Equal(names, want) {
		t.Errorf("entries are %q, want %q", names, want)
	}
}

// TestConvertRefusesLinks checks that the error names the link, and that Convert does not wait for the rest of the tar.
func TestConvertRefusesLinks(t *testing.T) {
	t.Parallel()
	err := zip.Convert(io.Discard, tarOf(tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "a"}, tar.Header{Name: "a", Typeflag: tar.TypeReg, Linkname: strings.Repeat("x", 1<<20)}))
	if err == nil || !strings.Contains(err.Error(), "l: a zip can contain only files and directories") {
		t.Errorf("got %v, want an error that names the link", err)
	}
}
