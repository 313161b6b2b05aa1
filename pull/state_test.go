package pull

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// records are what states are made of in tests.
func records() []*record {
	one := &record{Origin: "host/repo:v1", Result: &Result{}, Layers: []digest.Digest{digest.FromString("a")}}
	for _, f := range []placed{
		{Path: "a", Size: 1 << 40, ModTime: -1, Mode: 0o644, Digest: digest.FromString("content")},
		{Path: "a b/\"c\"\n\\d", Mode: 0o4755 | fs.ModeSetuid, UID: 1000, GID: 1<<32 - 1},
		{Path: "dir/\xff not UTF-8", Mode: 0o600, Layer: -1, Digest: digest.SHA512.FromString("content")},
		{Path: "dir/größe", Mode: fs.ModeSymlink | 0o777, Link: "to \xfe \"there\""},
		{Path: "long/" + strings.Repeat("x", 60_000)},
	} {
		one.files.add(f)
	}
	one.files.sort()
	return []*record{one, {Origin: "other", Result: &Result{}}}
}

func listed(r *record) (files []placed) {
	for i := range r.files.len() {
		files = append(files, r.files.at(i))
	}
	return files
}

// TestState: what was written is read, whatever files are called.
func TestState(t *testing.T) {
	t.Parallel()
	s := &state{path: filepath.Join(t.TempDir(), "state")}
	for _, r := range records() {
		if err := s.put(r); err != nil {
			t.Fatal(err)
		}
	}
	got := readState(s.path)
	for _, want := range records() {
		r := got.of(want.Origin)
		if r == nil || !reflect.DeepEqual(listed(r), listed(want)) || !slices.Equal(r.Layers, want.Layers) {
			t.Errorf("%s: read %+v, want %+v", want.Origin, r, want)
		}
	}
}

// FuzzState reads what is no state of ours: there is none then, or one that can be used.
func FuzzState(f *testing.F) {
	var b bytes.Buffer
	if err := writeRecords(&b, records()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()-1])
	f.Add(bytes.ReplaceAll(b.Bytes(), []byte(" 0 sha256"), []byte(" 1 sha256")))
	f.Add([]byte(`{"davit":2,"result":{},"files":1}` + "\n644 0 0 0 0 -2 - \"a\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, r := range readState(path).records {
			r.list(&Result{}, 0)
			if _, ok := r.find("a"); ok && r.files.len() == 0 {
				t.Error("found in nothing")
			}
		}
	})
}
