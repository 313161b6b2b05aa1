package archive

import (
	"archive/tar"
	"bytes"
	"os"
	"testing"
)

// TestImageLayerReplaces unpacks two layers of which the second has other things under the names of the first.
func TestImageLayerReplaces(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	x := NewExtractor(root, ExtractOptions{ReadOptions: ReadOptions{Image: true}})
	for _, layer := range [][]tar.Header{
		{{Name: "etc/file", Typeflag: tar.TypeReg}, {Name: "etc/dir/below", Typeflag: tar.TypeReg}, {Name: "etc/link", Typeflag: tar.TypeSymlink, Linkname: "file"}},
		{{Name: "etc/file", Typeflag: tar.TypeSymlink, Linkname: "new"}, {Name: "etc/dir", Typeflag: tar.TypeReg}, {Name: "etc/link/", Typeflag: tar.TypeDir}},
	} {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for _, hdr := range layer {
			hdr.Mode = 0o755
			if err := w.WriteHeader(&hdr); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := x.Extract(t.Context(), &buf, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if target, err := root.Readlink("etc/file"); target != "new" {
		t.Errorf("etc/file leads to %q, %v", target, err)
	}
	if info, err := root.Lstat("etc/dir"); err != nil || !info.Mode().IsRegular() {
		t.Errorf("etc/dir is %v, %v", info, err)
	}
	if info, err := root.Lstat("etc/link"); err != nil || !info.IsDir() {
		t.Errorf("etc/link is %v, %v", info, err)
	}
}
