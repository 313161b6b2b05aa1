//go:build linux || openbsd || dragonfly || solaris || darwin || freebsd || netbsd

package digestcache

import (
	"crypto/sha256"
	_ "crypto/sha512" // an algorithm that is not cached
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// later returns a cache whose clock is an hour ahead, so that the files of a test are old enough to be stored.
func later(dir string) *Cache {
	c := New(dir)
	c.now = func() time.Time { return time.Now().Add(time.Hour) }
	return c
}

func write(t *testing.T, path, content string) fs.FileInfo {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return stat(t, path)
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := identify(info); !ok {
		t.Fatalf("%s has no file ID", path)
	}
	return info
}

// checkDigest checks the digest that a cache returns for a file. If d is "", the cache must have no digest.
func checkDigest(t *testing.T, c *Cache, info fs.FileInfo, d digest.Digest) {
	t.Helper()
	if got, ok := c.Lookup(info); got != d || ok != (d != "") {
		t.Errorf("Lookup: got %q, %v, want %q", got, ok, d)
	}
}

func TestRemembersAcrossProcesses(t *testing.T) {
	t.Parallel()
	dir, path := filepath.Join(t.TempDir(), "not", "there"), filepath.Join(t.TempDir(), "file")
	info := write(t, path, "content")
	d := digest.FromString("content")

	first := later(dir)
	checkDigest(t, first, info, "")
	first.Store(info, d)
	checkDigest(t, first, info, d)
	first.Close()

	second := later(dir)
	checkDigest(t, second, info, d)
	other := write(t, path+"2", "other")
	second.Store(other, digest.FromString("other"))
	second.Close()

	third := later(dir)
	checkDigest(t, third, info, d)
	checkDigest(t, third, other, digest.FromString("other"))
}

// TestAfterReboot checks that a digest is not used after a reboot if its file was written before: the content may not have reached
// the disk.
func TestAfterReboot(t *testing.T) {
	t.Parallel()
	info := write(t, filepath.Join(t.TempDir(), "file"), "content")
	d := digest.FromString("content")
	written := info.ModTime()
	newBoot := func(name string, began time.Time) boot { return boot{sha256.Sum256([]byte(name)), began.UnixNano()} }
	first, second, third := newBoot("1", written.Add(-time.Hour)), newBoot("2", written.Add(time.Hour)), newBoot("3", written.Add(2*time.Hour))
	for _, tc := range []struct {
		name   string
		stored []boot // boots during which the digest was stored, in order
		now    boot
		want   digest.Digest
	}{
		{"same boot", []boot{first}, first, d},
		{"next boot", []boot{first}, second, ""},
		{"two boots ago", []boot{first}, third, ""},
		{"stored after the reboot", []boot{second}, second, d},
		{"stored after the reboot, next boot", []boot{second}, third, d},
		{"stored again after the reboot", []boot{first, second}, third, d},
		{"boot began a second after the write", []boot{newBoot("4", written.Add(time.Second))}, third, ""},
		{"stored during an unknown boot", []boot{{}}, second, ""},
		{"no boot is known", []boot{{}}, boot{}, d},
		{"current boot is unknown", []boot{first}, boot{}, ""},
	} {
		dir := t.TempDir()
		for _, during := range tc.stored {
			c := later(dir)
			c.boot = during
			c.Store(info, d)
			c.Close()
		}
		c := later(dir)
		c.boot = tc.now
		t.Run(tc.name, func(t *testing.T) { checkDigest(t, c, info, tc.want) })
	}
}

func TestChangedFile(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"longer":     func(p string) error { return os.WriteFile(p, []byte("content!"), 0o600) },
		"other time": func(p string) error { return os.Chtimes(p, time.Time{}, time.Unix(1, 1)) },
		"other content, same time": func(p string) error {
			old, err := os.Stat(p)
			if err != nil {
				return err
			}
			if err := os.WriteFile(p, []byte("CONTENT"), 0o600); err != nil {
				return err
			}
			return os.Chtimes(p, old.ModTime(), old.ModTime())
		},
		"replaced, same time": func(p string) error {
			old, err := os.Stat(p)
			if err != nil {
				return err
			}
			if err := os.WriteFile(p+".new", []byte("CONTENT"), 0o600); err != nil {
				return err
			}
			if err := os.Chtimes(p+".new", old.ModTime(), old.ModTime()); err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			info := write(t, path, "content")
			// File systems store times in steps; the change must be in another step.
			for stat(t, touch(t, path+".clock")).ModTime().Equal(info.ModTime()) {
			}
			c := later(t.TempDir())
			c.Store(info, digest.FromString("content"))
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			checkDigest(t, c, stat(t, path), "")
		})
	}
}

func touch(t *testing.T, path string) string {
	write(t, path, "")
	return path
}

func TestNotStored(t *testing.T) {
	t.Parallel()
	info := write(t, filepath.Join(t.TempDir(), "file"), "content")
	dirInfo, err := os.Stat(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	young := New(t.TempDir())
	young.now = func() time.Time { return info.ModTime().Add(minAge - 1) }
	young.Store(info, digest.FromString("content"))
	checkDigest(t, young, info, "")

	c := later(t.TempDir())
	c.Store(dirInfo, digest.FromString("content"))
	checkDigest(t, c, dirInfo, "")
	c.Store(info, digest.SHA512.FromString("content"))
	c.Store(info, "sha256:zz")
	checkDigest(t, c, info, "")
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func([]byte) []byte{
		"empty":       func([]byte) []byte { return nil },
		"not a cache": func([]byte) []byte { return []byte("something else entirely, of some length or other") },
		"cut":         func(b []byte) []byte { return b[:len(b)-1] },
		"flipped":     func(b []byte) []byte { b[len(b)-10] ^= 1; return b },
		"appended":    func(b []byte) []byte { return append(b, "junk"...) },
		"huge":        func(b []byte) []byte { return append(b, make([]byte, 5*maxRecords*recordSize)...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			a := write(t, filepath.Join(t.TempDir(), "a"), "a")
			b := write(t, filepath.Join(t.TempDir(), "b"), "b")
			c := later(dir)
			c.Store(a, digest.FromString("a"))
			c.Store(b, digest.FromString("b"))
			c.Close()
			data, err := os.ReadFile(c.path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(c.path, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}

			again := later(dir)
			if d, ok := again.Lookup(b); ok && d != digest.FromString("b") {
				t.Errorf("got the wrong digest %v", d)
			}
			again.Store(a, digest.FromString("a"))
			again.Store(b, digest.FromString("b"))
			again.Close()
			repaired := later(dir)
			checkDigest(t, repaired, a, digest.FromString("a"))
			checkDigest(t, repaired, b, digest.FromString("b"))
			if repaired.damaged {
				t.Error("the file is still damaged")
			}
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Errorf("got the files %v, want only the cache", left)
			}
		})
	}
}

// TestBounded checks that the number of records in a cache file is limited.
func TestBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := later(dir)
	c.load.Do(c.read)
	for i := range 2*maxRecords + 10 {
		c.add(stored{record: record{fileID: fileID{1, uint64(i)}}, boot: c.boot})
	}
	c.Close()
	info, err := os.Stat(c.path)
	if err != nil || info.Size() != int64(len(magic)+(maxRecords+1)*recordSize) {
		t.Errorf("got a cache file of %d bytes, %v, want %d", info.Size(), err, len(magic)+(maxRecords+1)*recordSize)
	}
	again := New(dir)
	again.load.Do(again.read)
	if _, ok := again.latest[fileID{1, 2*maxRecords + 9}]; !ok || len(again.records) != maxRecords {
		t.Errorf("got %d records, the latest: %v, want %d with the latest", len(again.records), ok, maxRecords)
	}
}

// TestConcurrentCaches checks that no digest is lost if many caches write the same file at once.
func TestConcurrentCaches(t *testing.T) {
	t.Parallel()
	dir, files := t.TempDir(), t.TempDir()
	later(dir).Close()
	var infos []fs.FileInfo
	for i := range 40 {
		infos = append(infos, write(t, filepath.Join(files, fmt.Sprint(i)), fmt.Sprint(i)))
	}
	first := later(dir)
	first.Store(infos[0], digest.FromString("0"))
	first.Close()
	var group sync.WaitGroup
	for i, info := range infos[1:] {
		group.Go(func() {
			c := later(dir)
			c.Store(info, digest.FromString(fmt.Sprint(i+1)))
			c.Close()
		})
	}
	group.Wait()
	c := later(dir)
	for i, info := range infos {
		checkDigest(t, c, info, digest.FromString(fmt.Sprint(i)))
	}
}

func TestWithoutDirectory(t *testing.T) {
	t.Parallel()
	c := later("")
	info := write(t, filepath.Join(t.TempDir(), "file"), "content")
	c.Store(info, digest.FromString("content"))
	checkDigest(t, c, info, digest.FromString("content"))
	c.Close()
}

// BenchmarkLookup20000 simulates a push of an unchanged folder: it reads a cache file of 20,000 records and does 20,000 lookups.
func BenchmarkLookup20000(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	c := later(dir)
	c.load.Do(c.read)
	for i := range 20_000 {
		c.add(stored{record: record{fileID: fileID{1, uint64(i)}}, boot: c.boot})
	}
	c.Close()
	for b.Loop() {
		again := later(dir)
		for range 20_000 {
			again.Lookup(info)
		}
	}
}
