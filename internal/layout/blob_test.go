package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// openEmpty opens a new layout for writing, until the test ends.
func openEmpty(t *testing.T) *Layout {
	t.Helper()
	l, err := Open(filepath.Join(t.TempDir(), "oci"), reference.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.Background(), nil); err != nil {
			t.Error(err)
		}
	})
	return l
}

// writeBlob writes a blob in two chunks and commits it as want.
func writeBlob(t *testing.T, l *Layout, content string, want digest.Digest) error {
	t.Helper()
	w, err := l.NewBlob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range []string{content[:1], content[1:]} {
		if n, err := io.WriteString(w, chunk); n != len(chunk) || err != nil {
			t.Fatal(n, err)
		}
	}
	err = w.Commit(t.Context(), want)
	if closeErr := w.Close(); closeErr != nil {
		t.Errorf("closing: %v", closeErr)
	}
	return err
}

// storeInChunks writes blobs with these contents in chunks, and stores a manifest of the blobs under a name.
func storeInChunks(t *testing.T, l *Layout, name string, contents ...string) ocispec.Descriptor {
	t.Helper()
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	for _, content := range contents {
		d := digest.FromString(content)
		if err := writeBlob(t, l, content, d); err != nil {
			t.Fatal(err)
		}
		m.Config = ocispec.Descriptor{MediaType: "a/b", Digest: d, Size: int64(len(content))}
		m.Layers = append(m.Layers, m.Config)
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	desc := ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if err := l.Push(t.Context(), desc, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := l.TagName(t.Context(), desc, name); err != nil {
		t.Fatal(err)
	}
	return desc
}

func TestBlobInChunks(t *testing.T) {
	t.Parallel()
	l := openEmpty(t)
	storeInChunks(t, l, "1.0", "hello", "world")
	for _, d := range []digest.Digest{digest.FromString("pieces"), digest.SHA512.FromString("pieces")} {
		if err := writeBlob(t, l, "pieces", d); err != nil {
			t.Fatal(err)
		}
		body, err := l.OpenBlob(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || string(got) != "pieces" || body.Close() != nil {
			t.Errorf("%s: got %q, %v, want pieces", d, got, err)
		}
	}
	for _, d := range []digest.Digest{digest.FromString("x"), digest.SHA512.FromString("x"), "sha256:../../x", "md5:x"} {
		if err := writeBlob(t, l, "other", d); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("committing as %s: got %v, want ErrRefused", d, err)
		}
	}
	if _, err := l.OpenBlob(digest.FromString("other")); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("opening a refused blob: got %v, want ErrNotFound", err)
	}
	if _, err := l.OpenBlob("sha256:../../index.json"); !errors.Is(err, artifact.ErrRefused) {
		t.Errorf("opening an invalid digest: got %v, want ErrRefused", err)
	}
	left, err := os.ReadDir(filepath.Join(l.Path, files.TempDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) || len(left) > 0 {
		t.Errorf("left behind: got %v, %v, want no temporary files", left, err)
	}
}

func TestLayoutNames(t *testing.T) {
	t.Parallel()
	l := openEmpty(t)
	a := storeInChunks(t, l, "1.0", "a", "b")
	b := storeInChunks(t, l, "charts/web:1.0", "b", "c")
	names, err := l.Names(t.Context())
	if slices.Sort(names); err != nil || !slices.Equal(names, []string{"1.0", "charts/web:1.0"}) {
		t.Errorf("got the names %q, %v, want both", names, err)
	}
	for name, want := range map[string]ocispec.Descriptor{"1.0": a, "charts/web:1.0": b} {
		if got, err := l.Resolve(t.Context(), name); err != nil || got.Digest != want.Digest {
			t.Errorf("%s: got %s, %v, want %s", name, got.Digest, err, want.Digest)
		}
	}
	if err := l.Untag(t.Context(), "charts/web:1.0"); err != nil {
		t.Error(err)
	}
	if names, err := l.Names(t.Context()); err != nil || !slices.Equal(names, []string{"1.0"}) {
		t.Errorf("after Untag: got the names %q, %v, want only 1.0", names, err)
	}
}

// TestDeleteKeepsShared checks that deleting an artifact keeps the blobs that another artifact needs.
func TestDeleteKeepsShared(t *testing.T) {
	t.Parallel()
	l := openEmpty(t)
	a := storeInChunks(t, l, "a", "of a", "shared")
	storeInChunks(t, l, "b", "of b", "shared")
	if err := l.Delete(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]bool{"of a": false, "of b": true, "shared": true} {
		if got := hasBlobOf(t.Context(), l, content); got != want {
			t.Errorf("%q exists: got %v, want %v", content, got, want)
		}
	}
}

// TestDeleteDuringUploads deletes a manifest while another goroutine stores blobs that no manifest needs yet. It checks that these
// blobs stay.
func TestDeleteDuringUploads(t *testing.T) {
	t.Parallel()
	l := openEmpty(t)
	for i := range 50 {
		deleted, upload := fmt.Sprintf("deleted %d", i), func(n int) string { return fmt.Sprintf("upload %d.%d", i, n) }
		desc := storeInChunks(t, l, "a", deleted, "other")
		var uploads sync.WaitGroup
		uploads.Go(func() {
			for n := range 5 {
				if err := writeBlob(t, l, upload(n), digest.FromString(upload(n))); err != nil {
					t.Error(err)
				}
			}
		})
		if err := l.Delete(t.Context(), desc); err != nil {
			t.Error(err)
		}
		uploads.Wait()
		if hasBlobOf(t.Context(), l, deleted) {
			t.Errorf("%q still exists", deleted)
		}
		for n := range 5 {
			if !hasBlobOf(t.Context(), l, upload(n)) {
				t.Errorf("%q was removed", upload(n))
			}
		}
	}
}

// hasBlobOf reports whether a blob with this content exists.
func hasBlobOf(ctx context.Context, l *Layout, content string) bool {
	_, err := l.Resolve(ctx, digest.FromString(content).String())
	return err == nil
}

// TestFetchBlob checks that the file of an interrupted fetch survives closing the layout, and that the next fetch can resume it.
func TestFetchBlob(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oci")
	content := []byte("the whole blob")
	desc := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: digest.FromBytes(content), Size: int64(len(content))}
	layout := openFor(t, path, reference.Write).(*Layout)
	broken := errors.New("broken")
	_, err := layout.FetchBlob(t.Context(), desc, func(dst *os.Root, name string) error {
		if err := dst.WriteFile(name, content[:5], 0o644); err != nil {
			return err
		}
		_, err := layout.FetchBlob(t.Context(), desc, func(*os.Root, string) error { return nil })
		if !errors.Is(err, errdef.ErrUnsupported) {
			t.Errorf("a concurrent fetch: got %v, want ErrUnsupported", err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("interrupted: got %v, want %v", err, broken)
	}
	if err := layout.Close(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	layout = openFor(t, path, reference.Write).(*Layout)
	layout.Keep()
	step, err := layout.FetchBlob(t.Context(), desc, func(dst *os.Root, name string) error {
		if had, err := dst.ReadFile(name); err != nil || string(had) != "the w" {
			t.Errorf("the file of the interrupted fetch: got %q, %v, want its first 5 bytes", had, err)
		}
		return dst.WriteFile(name, content, 0o644)
	})
	if step != artifact.Done || err != nil {
		t.Errorf("resumed: got %v, %v, want Done", step, err)
	}
	if err := layout.Close(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	layout = openFor(t, path, reference.Write).(*Layout)
	if step, err := layout.FetchBlob(t.Context(), desc, nil); step != artifact.Skipped || err != nil {
		t.Errorf("stored: got %v, %v, want Skipped", step, err)
	}
	if err := layout.Close(t.Context(), nil); err != nil { // without Keep, unneeded blobs are removed
		t.Fatal(err)
	}
}
