package tar

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
)

// TestTreeFingerprint checks when a packed directory counts as known and what changes its fingerprint.
func TestTreeFingerprint(t *testing.T) {
	t.Parallel()
	dir, cache := t.TempDir(), t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	layer := artifact.Layer{Path: ".", Dir: true, Packing: mediatypes.TarGzip}
	pool := NewPool(NewCache(cache))
	tars, err := pool.Pack(t.Context(), os.DirFS(dir), layer, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	o := tars[0]
	// The files changed too recently to be trusted. So the test moves the limit of the fingerprinter.
	if _, known := o.Known(); known {
		t.Error("files that changed a moment ago: got a known tar, want none")
	}
	p := pool.newFingerprinter(o.tree, o.packing, o.entries)
	p.since = time.Now().Add(time.Hour).UnixNano()
	print := p.sum(o.entries)
	desc, err := o.Fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer o.Empty()
	r := Record{desc.Digest, o.DiffID(""), desc.Size}
	o.Remember(r)
	if _, known := o.Known(); known {
		t.Error("after Remember: got a known tar of files that changed a moment ago, want none")
	}
	pool.Trees.store(print, r)
	pool.Trees.Save()
	if got, ok := NewCache(cache).lookup(print); !ok || got != r {
		t.Errorf("got %v, want %v", got, r)
	}
	p.boot = "another boot"
	if p.sum(o.entries) == print {
		t.Error("after a reboot: got the same fingerprint for files that may not be on disk, want another")
	}
	p.began = p.since
	before := p.sum(o.entries)
	p.boot = "yet another boot"
	if p.sum(o.entries) != before {
		t.Error("after a reboot: got another fingerprint for files that changed before the last boot, want the same")
	}
	o.entries[len(o.entries)-1].ModTime++
	if p.sum(o.entries) == print {
		t.Error("after a change of a time: got the same fingerprint, want another")
	}
}

func TestDamagedTreeCache(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := NewCache(dir)
	r := Record{digest.FromString("a"), digest.FromString("b"), 7}
	c.store(fingerprint{1}, r)
	c.store(fingerprint{2}, r)
	c.Save()
	path := filepath.Join(dir, "trees")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/4] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := NewCache(dir)
	if _, ok := damaged.lookup(fingerprint{1}); ok {
		t.Error("damaged line: got a record, want none")
	}
	if got, ok := damaged.lookup(fingerprint{2}); !ok || got != r {
		t.Errorf("line after the damaged one: got %v, %t, want %v", got, ok, r)
	}
}

// TestFingerprintOfDirectories checks that metadata of empty directories changes the fingerprint if the layer preserves metadata.
func TestFingerprintOfDirectories(t *testing.T) {
	t.Parallel()
	for _, change := range []struct {
		name     string
		preserve bool
		change   func(dir string) error
		same     bool
	}{
		{"no change", true, func(string) error { return nil }, true},
		{"mode of a directory", true, func(dir string) error { return os.Chmod(filepath.Join(dir, "b"), 0o700) }, false},
		{"time of a directory", true, func(dir string) error { return os.Chtimes(filepath.Join(dir, "a", "c"), time.Now(), time.Unix(7, 0)) }, false},
		{"time of the root", true, func(dir string) error { return os.Chtimes(dir, time.Now(), time.Unix(7, 0)) }, false},
		{"mode, metadata not preserved", false, func(dir string) error { return os.Chmod(filepath.Join(dir, "b"), 0o700) }, true},
	} {
		t.Run(change.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, name := range []string{"a/c", "b"} {
				if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			layer := artifact.Layer{Path: ".", Dir: true, Packing: mediatypes.TarGzip}
			layer.Preserve = change.preserve
			pool := NewPool(NewCache(t.TempDir()))
			pool.minAge = -time.Hour // trust recent changes
			print := func() fingerprint {
				tars, err := pool.Pack(t.Context(), os.DirFS(dir), layer, time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				return tars[0].print
			}
			before := print()
			if err := change.change(dir); err != nil {
				t.Fatal(err)
			}
			if got := print() == before; got != change.same {
				t.Errorf("same fingerprint: got %t, want %t", got, change.same)
			}
		})
	}
}

// TestFingerprintsOfSplitTree checks that new metadata of a directory changes the fingerprints of at most two parts: the last part, which
// has the directories, is one of them.
func TestFingerprintsOfSplitTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 12 {
		name := filepath.Join(dir, string(rune('a'+i)), "file")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, make([]byte, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	layer := artifact.Layer{Path: ".", Dir: true, Packing: mediatypes.TarGzip}
	layer.Preserve, layer.Split = true, true
	pool := NewPool(NewCache(t.TempDir()))
	pool.minAge = -time.Hour // trust recent changes
	prints := func() (all []fingerprint) {
		tars, err := pool.Pack(t.Context(), os.DirFS(dir), layer, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range tars {
			all = append(all, o.print)
		}
		return all
	}
	before := prints()
	if len(before) < 3 || !slices.Equal(prints(), before) {
		t.Fatalf("got %x, then %x, want at least three fingerprints, twice the same", before, prints())
	}
	if err := os.Chtimes(filepath.Join(dir, "f"), time.Now(), time.Unix(7, 0)); err != nil {
		t.Fatal(err)
	}
	after := prints()
	changed := 0
	for i := range after {
		if after[i] != before[i] {
			changed++
		}
	}
	if last := len(after) - 1; after[last] == before[last] || changed > 2 {
		t.Errorf("got %d of %d parts with another fingerprint, the last part among them: %t; want at most 2, and the last", changed, len(after), after[last] != before[last])
	}
}

func TestRatioMeter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name             string
		pieces, each     int   // the number of pieces of 1 MiB, and the compressed size of each in bytes
		free             int64 // bytes of headers, which do not count
		want, noiseAfter bool  // noiseAfter adds a piece with 1 GiB of compressed data at the end
	}{
		{"zeros", 300, 1000, 0, true, false},
		{"few zeros", 200, 1000, 0, false, false},
		{"text", 300, 100_000, 0, false, false},
		{"headers", 300, 1000, 100 << 20, false, false},
		{"zeros before noise", 300, 1000, 0, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := &ratioMeter{compressed: &countingWriter{}, free: test.free}
			piece := make([]byte, 1<<20)
			for range test.pieces {
				m.compressed.n += int64(test.each)
				if _, err := m.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			if test.noiseAfter {
				m.compressed.n += 1 << 30
				if _, err := m.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			if m.exceeded != test.want {
				t.Errorf("exceeded: got %t, want %t", m.exceeded, test.want)
			}
		})
	}
}

// TestExcess checks that the compression ratio of a tar from the cache is estimated from the sizes of its files.
func TestExcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "zeros"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(400<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name     string
		preserve bool
		packing  mediatypes.Packing
		size     int64
		want     string
	}{
		{"zeros", false, mediatypes.TarGzip, 400_000, "--max-ratio"},
		{"other content", false, mediatypes.TarGzip, 40_000_000, ""},
		{"not compressed", false, mediatypes.Tar, 400_000, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			layer := artifact.Layer{Path: ".", Dir: true, Packing: test.packing}
			layer.Preserve = test.preserve
			tars, err := NewPool(NewCache(t.TempDir())).Pack(t.Context(), os.DirFS(dir), layer, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if _, flag := tars[0].Excess(test.size); flag != test.want {
				t.Errorf("got %q, want %q", flag, test.want)
			}
		})
	}
}
