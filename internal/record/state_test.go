package record

import (
	"bytes"
	_ "crypto/sha512" // for a digest below
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// records returns records with unusual files.
func records() []*Record {
	one := &Record{Origin: "host/repo:v1", Result: json.RawMessage("{}"), Layers: []digest.Digest{digest.FromString("a")}}
	for _, f := range []Placed{
		{Path: "a", Size: 1 << 40, ModTime: -1, Inode: 1<<64 - 1, Changed: -2, Mode: 0o644, Digest: digest.FromString("content")},
		{Path: "a b/\"c\"\n\\d", Mode: 0o4755 | fs.ModeSetuid, UID: 1000, GID: 1<<32 - 1},
		{Path: "dir/\xff not UTF-8", Mode: 0o600, Layer: -1, Digest: digest.SHA512.FromString("content")},
		{Path: "dir/größe", Mode: fs.ModeSymlink | 0o777, Link: "to \xfe \"there\""},
		{Path: "long/" + strings.Repeat("x", 60_000)},
	} {
		one.Files.Add(f)
	}
	one.Files.Sort()
	return []*Record{one, {Origin: "other", Result: json.RawMessage("{}")}}
}

func listed(r *Record) (files []Placed) {
	for i := range r.Files.Len() {
		files = append(files, r.Files.At(i))
	}
	return files
}

// TestState checks that a state is the same after it is written and read, even with unusual file names.
func TestState(t *testing.T) {
	t.Parallel()
	s := &State{Path: filepath.Join(t.TempDir(), "state")}
	for _, r := range records() {
		if err := s.Put("/some/dir", r); err != nil {
			t.Fatal(err)
		}
	}
	got := ReadState(s.Path)
	for _, want := range records() {
		r := got.Of(want.Origin)
		if r == nil || !reflect.DeepEqual(listed(r), listed(want)) || !slices.Equal(r.Layers, want.Layers) {
			t.Errorf("%s: got %+v, want %+v", want.Origin, r, want)
		}
	}
}

// FuzzState checks that the records in a damaged state file are usable, if there are any.
func FuzzState(f *testing.F) {
	var b bytes.Buffer
	if err := writeRecords(&b, "/some/dir", records()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()-1])
	f.Add(bytes.ReplaceAll(b.Bytes(), []byte(" 0 sha256"), []byte(" 1 sha256")))
	f.Add([]byte(`{"davit":3}` + "\n" + `{"result":{},"files":1}` + "\n/\"d/\"\n644 0 0 0 0 -2 1 1 - \"a\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, r := range ReadState(path).records {
			for i := range r.Files.Len() {
				if f := r.Files.At(i); f.Layer >= len(r.Layers) {
					t.Errorf("a file has the layer index %d, but the record has %d layers", f.Layer, len(r.Layers))
				}
			}
			if _, ok := r.Find("a"); ok && r.Files.Len() == 0 {
				t.Error("found a file in an empty record")
			}
		}
	})
}
