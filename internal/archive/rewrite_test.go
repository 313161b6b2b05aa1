package archive_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/write"
)

// openers returns functions that open the archives, as Rewrite takes them.
func openers(archives ...[]byte) []func() (io.ReadCloser, error) {
	var all []func() (io.ReadCloser, error)
	for _, a := range archives {
		all = append(all, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(a)), nil })
	}
	return all
}

// rewrite rewrites archives into one, and returns it.
func rewrite(t testing.TB, opts write.RewriteOptions, archives ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := write.Rewrite(t.Context(), &out, openers(archives...), opts); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRewriteBelowPrefix(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		packed []byte
		want   []string
	}{
		"names as podman writes them": {
			tarball(item{name: "d/"}, file("d/f"), item{name: "h", link: "d/f", typeflag: '1'}, symlinkTo("l", "d")),
			[]string{"volume-data/d/", "volume-data/d/f", "volume-data/h -> volume-data/d/f", "volume-data/l -> d"}},
		"names that begin with a dot": {
			tarball(item{name: "./", mode: 0o700}, file("./f")), []string{"volume-data/", "volume-data/f"}},
		"root at the end": {
			tarball(file("f"), item{name: "./"}), []string{"volume-data/f", "volume-data/"}},
		"compressed": {gzipped(tarball(file("f"))), []string{"volume-data/f"}},
		"empty":      {tarball(), []string{"volume-data/"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := rewrite(t, write.RewriteOptions{Prefix: "volume-data/", Layer: true}, test.packed)
			if got := listNames(t, out); fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if !bytes.Equal(out, rewrite(t, write.RewriteOptions{Prefix: "volume-data/", Layer: true}, test.packed)) {
				t.Error("rewriting again creates a different archive")
			}
		})
	}
}

// listNames lists the names in an archive, with the targets of links, as archive/tar reads them.
func listNames(t *testing.T, b []byte) []string {
	t.Helper()
	var names []string
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		name := h.Name
		if h.Linkname != "" {
			name += " -> " + h.Linkname
		}
		names = append(names, name)
	}
}

func TestRewriteRefusesWhiteouts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".wh.a", "d/.wh..wh..opq", "d/.wh.x/", ".wh.d/f"} {
		err := write.Rewrite(t.Context(), io.Discard, openers(tarball(file("a"), item{name: name})), write.RewriteOptions{Layer: true})
		if !errors.Is(err, archive.ErrUnsafe) || !strings.Contains(err.Error(), `"`+strings.TrimSuffix(name, "/")) {
			t.Errorf("%s: got %v, want a refusal that names the entry", name, err)
		}
	}
}

func TestRewriteLimitsAllArchivesTogether(t *testing.T) {
	t.Parallel()
	a, b := tarball(item{name: "a", body: "12345"}), tarball(item{name: "b", body: "12345"})
	for reason, limits := range map[string]archive.Limits{"more than 9 bytes": {MaxSize: 9}, "more than 1 entries": {MaxFiles: 1}} {
		err := write.Rewrite(t.Context(), io.Discard, openers(a, b), write.RewriteOptions{Options: read.Options{Limits: limits, Image: true}})
		if !errors.Is(err, archive.ErrUnsafe) || !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want it to say %q", err, reason)
		}
	}
}

// TestRewriteLostLink checks that a hard link is refused if a later layer replaces its file, because one archive would have no
// file to link to. The link is dropped if the later layer replaces the link, too.
func TestRewriteLostLink(t *testing.T) {
	t.Parallel()
	lower := tarball(file("a"), item{name: "b", link: "a", typeflag: '1'})
	for _, upper := range [][]byte{tarball(file("a")), tarball(item{name: ".wh.a"})} {
		if err := rewriteAs(t, extract.Options{Options: read.Options{Image: true}}, lower, upper); !errors.Is(err, archive.ErrUnsafe) {
			t.Errorf("got %v, want a refusal", err)
		}
	}
	upper := tarball(file("a"), file("b"))
	if got := listNames(t, rewrite(t, write.RewriteOptions{Options: read.Options{Image: true}}, lower, upper)); len(got) != 2 {
		t.Errorf("got %q, want a and b", got)
	}
}

// TestRewriteLikeExtract checks that unpacking random layers in order has the same result as rewriting them into one archive and
// unpacking it.
func TestRewriteLikeExtract(t *testing.T) {
	t.Parallel()
	accepted := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 4))
		var all [][]byte
		for range 1 + r.IntN(4) {
			all = append(all, randomLayer(r))
		}
		dst := t.TempDir()
		err := unpackLayers(t, dst, all...)
		var out bytes.Buffer
		again := write.Rewrite(t.Context(), &out, openers(all...), write.RewriteOptions{Options: read.Options{Image: true}})
		if err != nil {
			continue
		}
		if again != nil {
			t.Fatalf("seed %d: got %v from Rewrite, want no error as from Extract", seed, again)
		}
		accepted++
		got := snapshot(t, unpack(t, out.Bytes(), extract.Options{Options: read.Options{Limits: archive.Limits{Exact: true}}}))
		if want := snapshot(t, dst); !maps.Equal(got, want) {
			t.Fatalf("seed %d:\n got %q\nwant %q", seed, got, want)
		}
	}
	if accepted < 100 {
		t.Errorf("got %d images that can be unpacked, want at least 100", accepted)
	}
}

// randomLayer returns a layer of a few entries, whiteouts first. There are only seven names, so layers often have the same ones.
func randomLayer(r *rand.Rand) []byte {
	var items []item
	used := map[string]bool{}
	for range r.IntN(8) {
		name := []string{"a", "b", "d", "d/a", "d/b", "d/e", "d/e/f"}[r.IntN(7)]
		next := item{name: name, mode: 0o755, body: fmt.Sprint(r.IntN(1000))}
		switch r.IntN(8) {
		case 0:
			next = item{name: path.Join(path.Dir(name), ".wh."+path.Base(name))}
		case 1: // a directory and an opaque whiteout in it
			items = append(items, item{name: name + "/", mode: 0o711})
			next = item{name: path.Join(name, ".wh..wh..opq")}
		case 2:
			next = symlinkTo(name, "x")
		case 3, 4:
			next = item{name: name + "/", mode: int64(0o700 + r.IntN(64))}
		}
		if !used[next.name] {
			used[next.name] = true
			items = append(items, next)
		}
	}
	slices.SortStableFunc(items, func(a, b item) int {
		return cmp.Compare(strings.Count(b.name, ".wh."), strings.Count(a.name, ".wh."))
	})
	return tarball(items...)
}

// TestRewriteKeepsTimes checks that Rewrite keeps extended attributes, and times of every precision, even before 1970.
func TestRewriteKeepsTimes(t *testing.T) {
	t.Parallel()
	for _, mtime := range []string{"1000000000.123456789", "1000000000", "-3.250000000", "5.000000001"} {
		packed := tarball(item{name: "f", body: "x", pax: map[string]string{"mtime": mtime, "SCHILY.xattr.user.a": "b\x00="}})
		var want, got *read.Header
		readHeader := func(b []byte) (found *read.Header) {
			err := read.Each(t.Context(), bytes.NewReader(b), read.Options{}, func(h *read.Header, _ io.Reader) error { found = h; return nil })
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		want, got = readHeader(packed), readHeader(rewrite(t, write.RewriteOptions{}, packed))
		if !got.ModTime.Equal(want.ModTime) || got.ModTime.Equal(time.Unix(0, 0)) || !maps.Equal(got.Xattrs, want.Xattrs) {
			t.Errorf("%s: got %v %q, want %v %q", mtime, got.ModTime, got.Xattrs, want.ModTime, want.Xattrs)
		}
	}
}
