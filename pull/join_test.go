package pull_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// volume stores and tags a volume with the given layers.
func (s *counted) volume(t testing.TB, tag, title string, layers ...string) {
	t.Helper()
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config:      s.pushBlob(t, ocispec.MediaTypeImageConfig, `{"os":"linux","architecture":"amd64"}`),
		Annotations: map[string]string{mediatypes.KindAnnotation: mediatypes.Volume, ocispec.AnnotationTitle: title},
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, s.pushBlob(t, ocispec.MediaTypeImageLayerGzip, l))
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(t.Context(), s.pushBlob(t, m.MediaType, string(b)), tag); err != nil {
		t.Fatal(err)
	}
}

// listTar lists the entries of an uncompressed tar: their names and contents.
func listTar(t *testing.T, name string) (entries []string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, h.Name+" "+string(content))
	}
}

func TestVolumeNotUnpacked(t *testing.T) {
	t.Parallel()
	base := tgz(t, entry{name: "bin/sh", content: "sh"})
	lower := tgz(t, entry{name: "volume-data/a", content: "1"}, entry{name: "volume-data/d/gone"}, entry{name: "volume-data/d/stays"})
	upper := tgz(t, entry{name: "volume-data/a", content: "2"}, entry{name: "volume-data/d/.wh.gone"})
	out, store := t.TempDir(), newStore()
	store.volume(t, "v1", "data", base, lower, upper)
	opts := pull.Options{NoSync: true, NoUnpack: true, State: filepath.Join(t.TempDir(), "state"), Origin: "o"}
	for _, skipped := range []bool{false, true} {
		r, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), opts)
		if err != nil || len(r.Files) != 1 || r.Files[0].Path != "data.tar" || r.Files[0].Digest == "" || r.Skipped != skipped {
			t.Fatalf("got %+v, %v, want data.tar, skipped %t", r, err, skipped)
		}
		if got, want := fmt.Sprint(listTar(t, filepath.Join(out, "data.tar"))), "[a 2 d/stays ]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	// The next version replaces the tar, and a tar that the user changed is kept.
	store.volume(t, "v1", "data", base, lower)
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), opts); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(listTar(t, filepath.Join(out, "data.tar"))), "[a 1 d/gone  d/stays ]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	write(t, out, "data.tar", "mine")
	store.volume(t, "v1", "data", base, upper)
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), opts); !errors.Is(err, artifact.ErrKept) {
		t.Errorf("a changed tar: got %v, want ErrKept", err)
	}
}

func TestVolumeNotUnpackedIsChecked(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]entry{
		"path out of the volume": {name: "volume-data/../../x"}, "link out of the volume": {name: "volume-data/l", link: "../..", kind: tar.TypeSymlink},
		"device": {name: "volume-data/dev", kind: tar.TypeChar},
	} {
		out, store := t.TempDir(), newStore()
		store.volume(t, "v1", "", tgz(t, entry{name: "volume-data/a"}, e))
		if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, NoUnpack: true}); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%s: got %v, want ErrRefused", name, err)
		}
		if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
			t.Errorf("%s: left behind: got %v, %v, want nothing", name, left, err)
		}
	}
}

// TestVolumeName checks that the tar of a volume is named after the title if the title is a valid file name.
func TestVolumeName(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{"": "volume.tar", "x": "x.tar", "../x": "volume.tar", "a/b": "volume.tar", ".": "..tar", "a\x1b": "volume.tar"} {
		out, store := t.TempDir(), newStore()
		store.volume(t, "v1", title, tgz(t, entry{name: "volume-data/a"}))
		r, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, NoUnpack: true, Selection: pull.Selection{Include: []string{"*.tar"}}})
		if err != nil || r.Files[0].Path != want {
			t.Errorf("%q: got %+v, %v, want %s", title, r, err, want)
		}
	}
}

// TestVolumeRemovedAndRecreated checks that only the files of the upper layer are pulled if it deletes the whole volume first.
func TestVolumeRemovedAndRecreated(t *testing.T) {
	t.Parallel()
	lower, upper := tgz(t, entry{name: "volume-data/old"}), []entry{{name: ".wh.volume-data"}, {name: "volume-data/new"}}
	out, store := t.TempDir(), newStore()
	store.volume(t, "v1", "", lower, tgz(t, upper...))
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 1 || left[0].Name() != "new" {
		t.Errorf("got %v, %v, want only new", left, err)
	}
	packed := t.TempDir()
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, packed), pull.Options{NoSync: true, NoUnpack: true}); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(listTar(t, filepath.Join(packed, "volume.tar"))), "[new ]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
