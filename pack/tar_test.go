package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/archive/write"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
)

// newTree creates a directory of n files of some KiB that changed an hour ago.
func newTree(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for i := range n {
		name := filepath.Join(dir, "data", fmt.Sprintf("d%02d", i%20), fmt.Sprintf("f%04d", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, bytes.Repeat([]byte(name[len(dir):]), 100), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// directory returns the layer of a packed directory that oras can unpack.
func directory() artifact.Layer {
	return artifact.Layer{
		Path: "data", Dir: true, Title: "data", Size: -1, Entries: spec.Entries{Prefix: "data/", Unpack: true},
		MediaType: mediatypes.LayerTarGzip, Packing: mediatypes.TarGzip,
	}
}

func TestDirectoryLayer(t *testing.T) {
	t.Parallel()
	fsys := os.DirFS(newTree(t, 30))
	dst := memory.New()
	r, err := Push(t.Context(), fsys, plan(directory()), dst, PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := content.FetchAll(t.Context(), dst, r.Layers[0])
	if err != nil {
		t.Fatal(err)
	}
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	notes := r.Layers[0].Annotations
	if got := notes[manifest.AnnotationContent]; notes[manifest.AnnotationUnpack] != "true" || got != digest.FromBytes(plain).String() {
		t.Errorf("annotations: got %v, want unpack and the digest of the tar", notes)
	}
	for in := tar.NewReader(bytes.NewReader(plain)); ; {
		hdr, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil || !strings.HasPrefix(hdr.Name, "data/") {
			t.Fatalf("entry: got %v, %v, want a name below data/", hdr, err)
		}
	}
	src, err := Artifact(t.Context(), fsys, plan(directory()), nil, Options{})
	if err != nil || src.Root().Digest != r.Digest {
		t.Errorf("Artifact: got %v, %v, want %v as pushed", src.Root().Digest, err, r.Digest)
	}
	again, err := content.FetchAll(t.Context(), src, r.Layers[0])
	if err != nil || !bytes.Equal(again, packed) {
		t.Errorf("Fetch: got %d bytes, %v, want the %d bytes pushed", len(again), err, len(packed))
	}
}

// TestOnlyLargeTarsAreHashedWhileSent checks that the digest of a large tar is computed while the tar is sent, and that of a small one
// before.
func TestOnlyLargeTarsAreHashedWhileSent(t *testing.T) {
	t.Parallel()
	dir := newTree(t, 10)
	p := plan(directory())
	small := &streamTarget{Store: memory.New()}
	if _, err := Push(t.Context(), os.DirFS(dir), p, small, PushOptions{}); err != nil || small.unknown != 0 {
		t.Errorf("a small tar: got %d blobs without a digest, %v, want 0", small.unknown, err)
	}
	if err := os.Truncate(filepath.Join(dir, "data/d00/f0000"), 64<<20+1); err != nil {
		t.Fatal(err)
	}
	large := &streamTarget{Store: memory.New()}
	r, err := Push(t.Context(), os.DirFS(dir), p, large, PushOptions{})
	if err != nil || large.unknown != 1 {
		t.Fatalf("a large tar: got %d blobs without a digest, %v, want 1", large.unknown, err)
	}
	src, err := Artifact(t.Context(), os.DirFS(dir), p, nil, Options{})
	if err != nil || src.Root().Digest != r.Digest {
		t.Errorf("Artifact: got %v, %v, want %v as pushed", src.Root().Digest, err, r.Digest)
	}
}

func TestSplitDirectory(t *testing.T) {
	t.Parallel()
	dir := newTree(t, 40)
	for i := range 12 {
		if err := os.WriteFile(filepath.Join(dir, "data", fmt.Sprintf("large%d", i)), make([]byte, 3<<20), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	layer := directory()
	layer.Split = true
	dst := &streamTarget{Store: memory.New()}
	r, err := Push(t.Context(), os.DirFS(dir), plan(layer), dst, PushOptions{Tags: []string{"v1"}})
	if err != nil || len(r.Layers) < 3 {
		t.Fatalf("got %d layers, %v, want at least 3", len(r.Layers), err)
	}
	titles := make(map[string]bool)
	for _, l := range r.Layers {
		titles[l.Annotations["org.opencontainers.image.title"]] = true
		if l.Annotations[manifest.AnnotationDirectory] != "data" || l.Annotations[manifest.AnnotationUnpack] != "" {
			t.Errorf("annotations: got %v, want the directory data without unpack", l.Annotations)
		}
	}
	if !titles["data.part001.tar.gz"] || len(titles) != len(r.Layers) {
		t.Errorf("got titles %v, want data.part001.tar.gz and others, all different", titles)
	}
	if err := os.WriteFile(filepath.Join(dir, "data/d01/f0001"), []byte("changed"), 0o666); err != nil {
		t.Fatal(err)
	}
	changed, err := Push(t.Context(), os.DirFS(dir), plan(layer), dst, PushOptions{Tags: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	fresh := 0
	for i, l := range changed.Layers {
		if i >= len(r.Layers) || l.Digest != r.Layers[i].Digest {
			fresh++
		}
	}
	if fresh != 1 {
		t.Errorf("one changed file: got %d changed layers, want 1", fresh)
	}
}

// volumeTar returns the layer of a volume with the entries of the tar at path.
func volumeTar(path string) artifact.Layer {
	return artifact.Layer{
		Path: path, Archive: true, Size: -1, Entries: spec.Entries{Prefix: "volume-data/", Preserve: true, Image: true},
		MediaType: mediatypes.LayerTarGzip, Packing: mediatypes.TarGzip,
	}
}

// TestTarIsRepacked checks that a tar results in the same layer as the directory it was made from.
func TestTarIsRepacked(t *testing.T) {
	t.Parallel()
	dir := newTree(t, 30)
	tree := write.Tree{FS: os.DirFS(dir), Dir: "data", Preserve: true, Root: true}
	entries, err := tree.Walk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if err := tree.Write(t.Context(), &plain, entries); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "x.tar"), plain.Bytes())
	asDirectory := volumeTar("data")
	asDirectory.Archive, asDirectory.Dir = false, true
	want, err := Push(t.Context(), os.DirFS(dir), plan(asDirectory), memory.New(), PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Cache: NewCache(t.TempDir())}
	for range 2 {
		got, err := Push(t.Context(), os.DirFS(dir), plan(volumeTar("x.tar")), memory.New(), PushOptions{Options: opts})
		if err != nil || got.Layers[0].Digest != want.Layers[0].Digest {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestTarIsChecked checks that a tar is refused if it has entries that a pull would refuse.
func TestTarIsChecked(t *testing.T) {
	t.Parallel()
	for name, hdr := range map[string]tar.Header{
		"path out of the volume": {Name: "../evil"}, "absolute path": {Name: "/evil"}, "whiteout": {Name: "d/.wh.a"},
		"device": {Name: "dev", Typeflag: tar.TypeChar},
	} {
		dir := t.TempDir()
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := errors.Join(w.WriteHeader(&hdr), w.Close()); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "x.tar"), b.Bytes())
		dst := memory.New()
		_, err := Push(t.Context(), os.DirFS(dir), plan(volumeTar("x.tar")), dst, PushOptions{Tags: []string{"v1"}})
		if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), hdr.Name) {
			t.Errorf("%s: got %v, want ErrInvalid for %s", name, err, hdr.Name)
		}
		if _, err := dst.Resolve(t.Context(), "v1"); err == nil {
			t.Errorf("%s: got a tag v1, want none", name)
		}
	}
}

// TestTarThatChanges checks the error for a tar file that changes after Artifact.
func TestTarThatChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "x.tar")
	writeFile(t, name, make([]byte, 1024))
	src, err := Artifact(t.Context(), os.DirFS(dir), plan(volumeTar("x.tar")), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, make([]byte, 2048))
	rc, err := src.Fetch(t.Context(), src.Result().Layers[0])
	if err == nil {
		_, err = io.Copy(io.Discard, rc)
		rc.Close()
	}
	if !errors.Is(err, artifact.ErrChanged) || !strings.Contains(err.Error(), "x.tar") {
		t.Errorf("got %v, want ErrChanged for x.tar", err)
	}
}

func TestRefusedLinkIsNamed(t *testing.T) {
	t.Parallel()
	dir := newTree(t, 1)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "data", "out")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	_, err = Push(t.Context(), root.FS(), plan(directory()), memory.New(), PushOptions{})
	if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "out") {
		t.Errorf("got %v, want ErrInvalid for out", err)
	}
}
