package pull_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/diff"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// ranged is a store with FetchRange. It counts the requests for parts of blobs, and their bytes.
type ranged struct {
	*counted
	parts, bytes atomic.Int64
}

func (s *ranged) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	s.parts.Add(1)
	s.bytes.Add(length)
	rc, err := s.Store.Fetch(ctx, desc)
	if err == nil {
		_, err = io.CopyN(io.Discard, rc, offset)
	}
	return rc, err
}

// joinPaths returns the paths of files, separated by spaces.
func joinPaths(files []pull.File) string {
	var names []string
	for _, f := range files {
		names = append(names, f.Path)
	}
	return strings.Join(names, " ")
}

// pushMixed pushes an artifact of a directory and a file, and returns the directory they were pushed from.
func pushMixed(t *testing.T, store *counted, packing mediatypes.Packing) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, "docs/a.md", "# A")
	write(t, dir, "docs/sub/b.md", "# B")
	write(t, dir, "large.bin", strings.Repeat("0123456789", 300_000))
	plan := directory("generic", "docs", packing)
	plan.Layers = append(plan.Layers, artifact.Layer{Path: "large.bin", Title: "large.bin", MediaType: "application/octet-stream"})
	push(t, dir, plan, store)
	return dir
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, packing := range []mediatypes.Packing{mediatypes.Tar, mediatypes.TarGzip, mediatypes.TarZstd} {
		store := newStore()
		pushMixed(t, store, packing)
		r, err := read.List(t.Context(), store, "v1", read.ListOptions{})
		if err != nil || joinPaths(r.Files) != "docs/a.md docs/sub/b.md large.bin" {
			t.Fatalf("%s: got %v, %v, want three files", packing, r, err)
		}
		if f := r.Files[0]; f.Size != 3 || f.Digest != digest.FromString("# A") || f.Layer != r.Layers[0].Digest {
			t.Errorf("%s: got %+v, want size 3 and the digests of the file and its layer", packing, f)
		}
		if r, err = read.List(t.Context(), store, "v1", read.ListOptions{Include: []string{"sub"}}); err != nil || joinPaths(r.Files) != "docs/sub/b.md" {
			t.Errorf("%s: Include: got %s, %v, want docs/sub/b.md", packing, joinPaths(r.Files), err)
		}
	}
}

func TestListImage(t *testing.T) {
	t.Parallel()
	store := newStore()
	store.pushImage(t, "v1",
		tgz(t, entry{name: "etc/gone", content: "x"}, entry{name: "etc/stays", content: "1"}, entry{name: "dir/old"}, entry{name: "was/dir"}),
		tgz(t, entry{name: "etc/.wh.gone"}, entry{name: "etc/stays", content: "22"}, entry{name: "dir/.wh..wh..opq"}, entry{name: "dir/new"}, entry{name: "was"}))
	r, err := read.List(t.Context(), store, "v1", read.ListOptions{})
	if err != nil || joinPaths(r.Files) != "dir/new etc/stays was" || r.Files[1].Size != 2 {
		t.Errorf("got %v, %v, want dir/new, etc/stays of two bytes, and was", r.Files, err)
	}
	for name, want := range map[string]string{"etc/stays": "22", "etc/gone": "", "dir/old": "", "was/dir": ""} {
		var out bytes.Buffer
		_, err := read.Cat(t.Context(), store, "v1", &out, read.CatOptions{Path: name})
		if out.String() != want || (want == "") != errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("%s: got %q, %v, want %q", name, &out, err, want)
		}
	}
}

func TestPlainTarIsListedByItsHeaders(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		files, size  int
		parts, bytes int64 // at most
	}{
		{"large files", 3, 12 << 20, 4, 4 * 64 << 10},
		{"small files", 1200, 30 << 10, 16, 40 << 20}, // each with a header
		{"medium files", 60, 600 << 10, 61, 61 * 64 << 10},
	} {
		store := &ranged{counted: newStore()}
		dir := t.TempDir()
		for i := range test.files {
			write(t, dir, fmt.Sprintf("d/%04d", i), strings.Repeat("x", test.size))
		}
		push(t, dir, directory("generic", "d", mediatypes.Tar), store.counted)
		r, err := read.List(t.Context(), store, "v1", read.ListOptions{})
		if err != nil || len(r.Files) != test.files || r.Files[2].Path != "d/0002" || r.Files[2].Size != int64(test.size) {
			t.Fatalf("%s: got %v, %v, want %d files of %d bytes", test.name, r, err, test.files, test.size)
		}
		if parts, n := store.parts.Load(), store.bytes.Load(); parts > test.parts || n > test.bytes {
			t.Errorf("%s: fetched %d bytes in %d parts, want at most %d in %d", test.name, n, parts, test.bytes, test.parts)
		}
		whole, err := read.List(t.Context(), store, "v1", read.ListOptions{Digests: true})
		want := digest.FromString(strings.Repeat("x", test.size))
		if err != nil || r.Files[1].Digest != "" || whole.Files[1].Digest != want {
			t.Errorf("%s: digests: got %q without Digests and %q with, %v, want none and %s", test.name, r.Files[1].Digest, whole.Files[1].Digest, err, want)
		}
		if r.Verified || !whole.Verified {
			t.Errorf("%s: verified: got %t without Digests and %t with, want false and true", test.name, r.Verified, whole.Verified)
		}
	}
}

func TestCat(t *testing.T) {
	t.Parallel()
	store := newStore()
	dir := pushMixed(t, store, mediatypes.TarGzip)
	large, err := os.ReadFile(filepath.Join(dir, "large.bin"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		opts read.CatOptions
		want string
	}{
		"file in a tar":           {"docs/sub/b.md", read.CatOptions{}, "# B"},
		"part of a file in a tar": {"docs/sub/b.md", read.CatOptions{Offset: 2, Length: 5}, "B"},
		"layer":                   {"./large.bin", read.CatOptions{}, string(large)},
		"part of a layer":         {"large.bin", read.CatOptions{Offset: 5, Length: 10}, "5678901234"},
		"end of a layer":          {"large.bin", read.CatOptions{Offset: int64(len(large)) - 3}, "789"},
		"offset after the end":    {"large.bin", read.CatOptions{Offset: 1 << 40}, ""},
	} {
		var out bytes.Buffer
		opts := c.opts
		opts.Path = c.path
		if _, err := read.Cat(t.Context(), store, "v1", &out, opts); err != nil || out.String() != c.want {
			t.Errorf("%s: got %d bytes, %v, want %d", name, out.Len(), err, len(c.want))
		}
	}
	for _, name := range []string{"docs", "docs/none", "none", ""} {
		if _, err := read.Cat(t.Context(), store, "v1", io.Discard, read.CatOptions{Path: name}); err == nil {
			t.Errorf("%q: got no error", name)
		}
	}
}

// TestCatRange checks that only the requested part of a large layer is fetched if the store has FetchRange.
func TestCatRange(t *testing.T) {
	t.Parallel()
	store, dir := newStore(), t.TempDir()
	whole := noise(33 << 20)
	write(t, dir, "d/b", whole)
	plan := directory("generic", "d", "")
	plan.Layers = []artifact.Layer{{Path: "d/b", Title: "d/b", MediaType: "application/octet-stream"}}
	push(t, dir, plan, store)
	ranges := &ranged{counted: store}
	for _, src := range []target{ranges, noRanges{ranges}} {
		var out bytes.Buffer
		opts := read.CatOptions{Path: "d/b", Offset: 32 << 20, Length: 1000}
		if _, err := read.Cat(t.Context(), src, "v1", &out, opts); err != nil || out.String() != whole[opts.Offset:][:opts.Length] {
			t.Errorf("got %d bytes, %v, want the 1000 bytes at 32 MiB", out.Len(), err)
		}
	}
	if parts, n := ranges.parts.Load(), ranges.bytes.Load(); parts != 1 || n != 1000 {
		t.Errorf("fetched %d bytes in %d ranges, want 1000 in 1", n, parts)
	}
}

func TestCatFollowsLinks(t *testing.T) {
	t.Parallel()
	store := newStore()
	dir := t.TempDir()
	write(t, dir, "d/sub/file", "content")
	for name, target := range map[string]string{"d/link": "sub/file", "d/sub/up": "../link", "d/loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	push(t, dir, directory("generic", "d", mediatypes.TarGzip), store)
	var out bytes.Buffer
	if _, err := read.Cat(t.Context(), store, "v1", &out, read.CatOptions{Path: "d/sub/up"}); err != nil || out.String() != "content" {
		t.Errorf("got %q, %v, want content", &out, err)
	}
	if _, err := read.Cat(t.Context(), store, "v1", io.Discard, read.CatOptions{Path: "d/loop"}); err == nil {
		t.Error("a loop of links: got no error")
	}
}

// lying is a store that returns wrong bytes for one digest.
type lying struct {
	*counted
	digest digest.Digest
	bytes  []byte
}

func (s *lying) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if desc.Digest == s.digest {
		return io.NopCloser(bytes.NewReader(s.bytes)), nil
	}
	return s.counted.Fetch(ctx, desc)
}

func TestCatHoldsBackDamagedContent(t *testing.T) {
	t.Parallel()
	store := newStore()
	pushMixed(t, store, mediatypes.TarGzip)
	r, err := read.List(t.Context(), store, "v1", read.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"docs/a.md", "large.bin"} {
		whole, err := content.FetchAll(t.Context(), store.Store, r.Layers[i])
		if err != nil {
			t.Fatal(err)
		}
		for change, lie := range map[string][]byte{
			"changed": append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1), "cut": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 0),
		} {
			var out bytes.Buffer
			src := &lying{store, r.Layers[i].Digest, lie}
			if _, err := read.Cat(t.Context(), src, "v1", &out, read.CatOptions{Path: name}); !errors.Is(err, artifact.ErrRefused) {
				t.Errorf("%s %s: got %v, want ErrRefused", name, change, err)
			}
			if out.Len() > 0 {
				t.Errorf("%s %s: wrote %d bytes, want none", name, change, out.Len())
			}
			if _, err := read.List(t.Context(), src, "v1", read.ListOptions{}); name == "docs/a.md" && !errors.Is(err, artifact.ErrRefused) {
				t.Errorf("List, %s: got %v, want ErrRefused", change, err)
			}
			report, err := inspect.Verify(t.Context(), src, "v1", inspect.VerifyOptions{})
			if err != nil || len(report.Faults) != 1 || report.Faults[0].Digest != r.Layers[i].Digest {
				t.Errorf("Verify, %s: got %+v, %v, want one fault of %s", change, report, err, r.Layers[i].Digest)
			}
		}
	}
}

// FetchRange returns a part of the wrong bytes.
func (s *lying) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, _ int64) (io.ReadCloser, error) {
	rc, err := s.Fetch(ctx, desc)
	if err == nil {
		_, err = io.CopyN(io.Discard, rc, offset)
	}
	return rc, err
}

// TestNothingUnverified changes one byte in layers of several sizes and packings. It checks that the content is refused or reported as
// unverified, and that nothing of a layer of at most 32 MiB is written.
func TestNothingUnverified(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		packing mediatypes.Packing
		size    int
		path    string // of the file that is read
		at      int    // index of the changed byte, from the end if negative
		opts    read.CatOptions
	}{
		{mediatypes.Tar, 1 << 10, "d/a.md", 512, read.CatOptions{}},
		{mediatypes.Tar, 6 << 20, "d/a.md", 514, read.CatOptions{}},
		{mediatypes.Tar, 31 << 20, "d/a.md", 513, read.CatOptions{Offset: 1, Length: 3}},
		{mediatypes.Tar, 33 << 20, "d/a.md", 512, read.CatOptions{}},
		{mediatypes.TarGzip, 2 << 20, "d/a.md", -9, read.CatOptions{}},
		{mediatypes.TarGzip, 2 << 20, "d/b", 1 << 20, read.CatOptions{Offset: 1 << 20}},
		{mediatypes.TarZstd, 5 << 20, "d/a.md", -5000, read.CatOptions{}},
		{"", 24 << 20, "d/b", 0, read.CatOptions{}},
		{"", 9 << 20, "d/b", 12345, read.CatOptions{Offset: 12000, Length: 1000}},
		{"", 9 << 20, "d/b", -1, read.CatOptions{Offset: 10}},
		{"", 33 << 20, "d/b", 1, read.CatOptions{Offset: 1, Length: 1}},
	} {
		name := fmt.Sprintf("%s of %d MiB, %s %+v", test.packing, test.size>>20, test.path, test.opts)
		store, dir := newStore(), t.TempDir()
		write(t, dir, "d/a.md", "# Steps")
		write(t, dir, "d/b", noise(test.size))
		plan := directory("generic", "d", test.packing)
		if test.packing == "" {
			plan.Layers = []artifact.Layer{{Path: "d/b", Title: "d/b", MediaType: "application/octet-stream"}}
		}
		push(t, dir, plan, store)
		right, err := read.List(t.Context(), store, "v1", read.ListOptions{Digests: true})
		if err != nil {
			t.Fatal(err)
		}
		lie, err := content.FetchAll(t.Context(), store.Store, right.Layers[0])
		if err != nil {
			t.Fatal(err)
		}
		lie[(test.at+len(lie))%len(lie)] ^= 1
		src, opts := &lying{store, right.Layers[0].Digest, lie}, test.opts
		opts.Path = test.path
		for _, src := range []target{src, noRanges{src}} { // with and without ranges
			var out bytes.Buffer
			printed, err := read.Cat(t.Context(), src, "v1", &out, opts)
			if err == nil && printed.Verified || right.Layers[0].Size <= 32<<20 && (err == nil || out.Len() > 0) {
				t.Errorf("Cat, %s: wrote %d bytes, got %+v, %v, want it refused or unverified", name, out.Len(), printed, err)
			}
			if test.packing == "" {
				continue
			}
			list, err := read.List(t.Context(), src, "v1", read.ListOptions{})
			if err == nil && (list.Verified || right.Layers[0].Size <= 32<<20) {
				t.Errorf("List, %s: got %+v, want it refused or unverified", name, list.Files)
			}
			for _, path := range []string{"", "d/a.md"} {
				doc, err := read.Readable(t.Context(), src, "v1", read.ReadableOptions{Path: path})
				if err == nil && (doc.Verified || right.Layers[0].Size <= 32<<20) {
					t.Errorf("Readable, %s, path %q: got %+v, want it refused or unverified", name, path, doc)
				}
			}
		}
	}
}

// TestPageInLargeLayer checks that a page is reported as unverified if its layer is so large that the rest of it is not fetched.
func TestPageInLargeLayer(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]bool{1 << 20: true, 33 << 20: false} {
		store, dir := newStore(), t.TempDir()
		write(t, dir, "d/a.md", "# Steps")
		write(t, dir, "d/b", noise(size))
		plan := directory("docs", "d", mediatypes.Tar)
		plan.ArtifactType, plan.ConfigType = mediatypes.DocsArtifact, mediatypes.DocsConfig
		plan.Finish = func([]artifact.Packed) (artifact.Finished, error) {
			return artifact.Finished{Config: []byte(`{"index":"d/a.md"}`)}, nil
		}
		push(t, dir, plan, store)
		doc, err := read.Readable(t.Context(), store, "v1", read.ReadableOptions{})
		if err != nil || doc.Path != "d/a.md" || doc.Verified != want {
			t.Errorf("%d bytes: got %+v, %v, want d/a.md, verified %t", size, doc, err, want)
		}
	}
}

// noise returns bytes that do not compress.
func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return string(b)
}

type target interface {
	Fetch(context.Context, ocispec.Descriptor) (io.ReadCloser, error)
	Exists(context.Context, ocispec.Descriptor) (bool, error)
	Resolve(context.Context, string) (ocispec.Descriptor, error)
}

// noRanges hides the methods of a store that target does not have, such as FetchRange.
type noRanges struct{ target }

func TestDiff(t *testing.T) {
	t.Parallel()
	store, dir := newStore(), t.TempDir()
	tag := func(tag string, annotations map[string]string, config string) {
		t.Helper()
		plan := directory("generic", "d", mediatypes.TarGzip)
		plan.Layers = append(plan.Layers, artifact.Layer{Path: "same", Title: "same", MediaType: "text/plain"})
		plan.Annotations, plan.ConfigType = annotations, "application/vnd.example+json"
		plan.Finish = func([]artifact.Packed) (artifact.Finished, error) {
			return artifact.Finished{Config: []byte(config)}, nil
		}
		if _, err := pack.Push(t.Context(), openRoot(t, dir).FS(), plan, store, pack.PushOptions{Tags: []string{tag}}); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "same", "same")
	write(t, dir, "d/changed", "1")
	write(t, dir, "d/removed", "1")
	write(t, dir, "d/mode", "1")
	tag("a", map[string]string{"k": "1", "gone": "x"}, `{"a":{"b":1},"same":true}`)
	write(t, dir, "d/changed", "2")
	write(t, dir, "d/added", "1")
	if err := errors.Join(os.Remove(filepath.Join(dir, "d/removed")), os.Chmod(filepath.Join(dir, "d/mode"), 0o755)); err != nil {
		t.Fatal(err)
	}
	tag("b", map[string]string{"k": "2"}, `{"a":{"b":2},"same":true}`)

	d, err := diff.Artifacts(t.Context(), diff.Side{Source: store, Ref: "a"}, diff.Side{Source: store, Ref: "b"}, diff.Options{})
	if err != nil || d.Same {
		t.Fatalf("got %+v, %v, want a difference", d, err)
	}
	var got []string
	for _, f := range d.Files {
		got = append(got, string(f.Change)+" "+f.Path)
	}
	for _, f := range append(d.Annotations, d.Config...) {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b))
	}
	want := `added d/added,content d/changed,mode d/mode,removed d/removed,{"field":"gone","from":"x","to":null},` +
		`{"field":"k","from":"1","to":"2"},{"field":"a.b","from":1,"to":2}`
	if strings.Join(got, ",") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ","), want)
	}
	store.fetched.Store(0)
	d, err = diff.Artifacts(t.Context(), diff.Side{Source: store, Ref: "a"}, diff.Side{Source: store, Ref: "a"}, diff.Options{})
	if err != nil || !d.Same || store.fetched.Load() != 2 {
		t.Errorf("one artifact twice: got %+v after %d fetches, %v, want the same after 2", d, store.fetched.Load(), err)
	}
}

// TestImageDiff checks that a layer that two images share is fetched once.
func TestImageDiff(t *testing.T) {
	t.Parallel()
	store := newStore()
	base := tgz(t, entry{name: "a", content: "1"}, entry{name: "b", content: "1"}, entry{name: "c", content: "1"})
	store.pushImage(t, "1", base, tgz(t, entry{name: "b", content: "2"}))
	store.pushImage(t, "2", base, tgz(t, entry{name: ".wh.c"}, entry{name: "d", content: "1"}))
	store.fetched.Store(0)
	d, err := diff.Artifacts(t.Context(), diff.Side{Source: store, Ref: "1"}, diff.Side{Source: store, Ref: "2"}, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range d.Files {
		got = append(got, string(f.Change)+" "+f.Path)
	}
	if got, want := strings.Join(got, ", "), "content b, removed c, added d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := store.fetched.Load(); n != 5 { // two manifests, three layers
		t.Errorf("got %d fetches, want 5", n)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	store := newStore()
	pushMixed(t, store, mediatypes.TarZstd)
	report, err := inspect.Verify(t.Context(), store, "v1", inspect.VerifyOptions{Referrers: true})
	if err != nil || len(report.Faults) != 0 || report.Checked != 4 {
		t.Errorf("got %+v, %v, want 4 blobs without faults", report, err)
	}
}

// TestVerifyChecksEveryDescriptor checks that Verify checks a manifest against each different descriptor that an index has of it.
func TestVerifyChecksEveryDescriptor(t *testing.T) {
	t.Parallel()
	store := newStore()
	pushMixed(t, store, mediatypes.TarZstd)
	desc, err := store.Resolve(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	longer, other := desc, desc
	longer.Size++
	other.MediaType = ocispec.MediaTypeImageIndex
	index, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{desc, desc, longer, other},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oras.TagBytes(t.Context(), store, ocispec.MediaTypeImageIndex, index, "index"); err != nil {
		t.Fatal(err)
	}
	report, err := inspect.Verify(t.Context(), store, "index", inspect.VerifyOptions{})
	if err != nil || len(report.Faults) != 2 || report.Checked != 5 {
		t.Errorf("got %+v, %v, want two faults and 5 checked", report, err)
	}
}

// TestEveryChangedLayerIsRefused checks that a pull refuses changed layers, both files and packed directories, and leaves nothing
// behind.
func TestEveryChangedLayerIsRefused(t *testing.T) {
	t.Parallel()
	for _, packing := range []mediatypes.Packing{mediatypes.Tar, mediatypes.TarGzip, mediatypes.TarZstd} {
		store := newStore()
		pushMixed(t, store, packing)
		r, err := read.List(t.Context(), store, "v1", read.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range r.Layers {
			whole, err := content.FetchAll(t.Context(), store.Store, layer)
			if err != nil {
				t.Fatal(err)
			}
			changed := bytes.Clone(whole)
			changed[len(changed)/2] ^= 1
			for name, lie := range map[string][]byte{
				"changed": changed, "cut": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 0), "another": []byte("x"),
			} {
				parent := t.TempDir()
				src := &lying{store, layer.Digest, lie}
				_, err := pull.Artifact(t.Context(), src, "v1", openRoot(t, filepath.Join(parent, "out")), pull.Options{NoSync: true})
				if got := listTree(t, parent, false); !errors.Is(err, artifact.ErrRefused) || strings.Count(got, "\n") != 2 {
					t.Errorf("%s %s: got %v, want ErrRefused; left behind:\n%s", packing, name, err, got)
				}
			}
		}
	}
}

func TestReadableInTars(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		layers []string
		want   string
	}{
		{"the page nearest to the top", []string{tgz(t, entry{name: "d/z.md", content: "z"}, entry{name: "d/index.md", content: "i"}, entry{name: "d/sub/README.md", content: "r"})}, "d/index.md"},
		{"an upper layer deletes a page", []string{tgz(t, entry{name: "README.md", content: "old"}), tgz(t, entry{name: ".wh.README.md"}, entry{name: "a.md", content: "a"})}, "a.md"},
		{"an upper layer replaces a page", []string{tgz(t, entry{name: "README.md", content: "old"}), tgz(t, entry{name: "README.md", content: "new"})}, "README.md"},
		{"a link to a page", []string{tgz(t, entry{name: "README.md", link: "d/real.md", kind: tar.TypeSymlink}, entry{name: "d/real.md", content: "r"})}, "d/real.md"},
		{"a page of an installed program", []string{tgz(t, entry{name: "usr/share/doc/README.md", content: "r"})}, ""},
	} {
		store := newStore()
		store.pushImage(t, "v1", test.layers...)
		doc, err := read.Readable(t.Context(), store, "v1", read.ReadableOptions{})
		if test.want == "" {
			if !errors.Is(err, read.ErrNothingReadable) {
				t.Errorf("%s: got %+v, %v, want ErrNothingReadable", test.name, doc, err)
			}
			continue
		}
		if err != nil || doc.Path != test.want || doc.Text == "old" {
			t.Errorf("%s: got %+v, %v, want %s", test.name, doc, err, test.want)
		}
		if n := store.fetched.Load(); n != int32(1+len(test.layers)) {
			t.Errorf("%s: got %d fetches, want %d", test.name, n, 1+len(test.layers))
		}
	}
}

// TestReadableSkipsLargeLayers checks that too large layers are not requested: the store does not have them.
func TestReadableSkipsLargeLayers(t *testing.T) {
	t.Parallel()
	store := newStore()
	readme := store.pushBlob(t, ocispec.MediaTypeImageLayerGzip, tgz(t, entry{name: "README.md", content: "r"}))
	large := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString("large"), Size: 300 << 20}
	for _, test := range []struct {
		name   string
		layers []ocispec.Descriptor
		found  bool
	}{
		{"a large layer above", []ocispec.Descriptor{readme, large}, false}, // it may delete the page
		{"a large layer below", []ocispec.Descriptor{large, readme}, true},
	} {
		b, err := json.Marshal(ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
			Config: store.pushBlob(t, ocispec.MediaTypeImageConfig, "{}"), Layers: test.layers,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Tag(t.Context(), store.pushBlob(t, ocispec.MediaTypeImageManifest, string(b)), test.name); err != nil {
			t.Fatal(err)
		}
		doc, err := read.Readable(t.Context(), store, test.name, read.ReadableOptions{})
		if test.found != (err == nil) || err != nil && !errors.Is(err, read.ErrNothingReadable) {
			t.Errorf("%s: got %+v, %v, want found %t", test.name, doc, err, test.found)
		}
	}
}
