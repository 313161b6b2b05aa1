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

// volume stores a volume with layers, and tags it.
func (s *counted) volume(t testing.TB, tag, title string, layers ...string) {
	t.Helper()
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config:      s.blob(t, ocispec.MediaTypeImageConfig, `{"os":"linux","architecture":"amd64"}`),
		Annotations: map[string]string{mediatypes.KindAnnotation: mediatypes.Volume, ocispec.AnnotationTitle: title},
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, s.blob(t, ocispec.MediaTypeImageLayerGzip, l))
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(t.Context(), s.blob(t, m.MediaType, string(b)), tag); err != nil {
		t.Fatal(err)
	}
}

// tarNames lists the names and contents of the entries of an uncompressed tar.
func tarNames(t *testing.T, name string) (names []string) {
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
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name+" "+string(content))
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
			t.Fatalf("got %+v, %v", r, err)
		}
		if got := fmt.Sprint(tarNames(t, filepath.Join(out, "data.tar"))); got != "[a 2 d/stays ]" {
			t.Errorf("got %s", got)
		}
	}
	// The next version replaces the tar, and a tar that the user changed is kept.
	store.volume(t, "v1", "data", base, lower)
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), opts); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(tarNames(t, filepath.Join(out, "data.tar"))); got != "[a 1 d/gone  d/stays ]" {
		t.Errorf("got %s", got)
	}
	write(t, out, "data.tar", "mine")
	store.volume(t, "v1", "data", base, upper)
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), opts); !errors.Is(err, artifact.ErrKept) {
		t.Errorf("a changed tar: %v", err)
	}
}

func TestVolumeNotUnpackedIsChecked(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]entry{
		"leaves": {name: "volume-data/../../x"}, "link": {name: "volume-data/l", link: "../..", kind: tar.TypeSymlink},
		"device": {name: "volume-data/dev", kind: tar.TypeChar},
	} {
		out, store := t.TempDir(), newStore()
		store.volume(t, "v1", "", tgz(t, entry{name: "volume-data/a"}, e))
		if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, NoUnpack: true}); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
			t.Errorf("%s: left behind: %v, %v", name, left, err)
		}
	}
}

// TestVolumeName checks that the title of a volume names its tar, if it is a valid name.
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

// TestVolumeRemovedAndRecreated checks that files that a layer deletes do not exist, even if that is the whole volume.
func TestVolumeRemovedAndRecreated(t *testing.T) {
	t.Parallel()
	lower, upper := tgz(t, entry{name: "volume-data/old"}), []entry{{name: ".wh.volume-data"}, {name: "volume-data/new"}}
	out, store := t.TempDir(), newStore()
	store.volume(t, "v1", "", lower, tgz(t, upper...))
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 1 || left[0].Name() != "new" {
		t.Errorf("got %v, %v", left, err)
	}
	packed := t.TempDir()
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, packed), pull.Options{NoSync: true, NoUnpack: true}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(tarNames(t, filepath.Join(packed, "volume.tar"))); got != "[new ]" {
		t.Errorf("got %s", got)
	}
}
