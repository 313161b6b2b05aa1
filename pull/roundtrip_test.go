package pull_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/memory"
)

// counted is a store that counts the fetched blobs.
type counted struct {
	*memory.Store
	fetched atomic.Int32
}

func (s *counted) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	s.fetched.Add(1)
	return s.Store.Fetch(ctx, desc)
}

func newStore() *counted { return &counted{Store: memory.New()} }

// write makes a file below dir.
func write(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// listTree lists the entries of a directory with their modes, contents, and link targets, and with their times if meta is set.
func listTree(t testing.TB, dir string, meta bool) string {
	t.Helper()
	var b strings.Builder
	root := openRoot(t, dir)
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %v", name, info.Mode())
		if meta {
			fmt.Fprintf(&b, " %d", info.ModTime().UnixNano())
		}
		switch {
		case d.Type() == fs.ModeSymlink:
			target, err := root.Readlink(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " -> %s", target)
		case d.Type().IsRegular():
			content, err := root.ReadFile(name)
			if err != nil {
				return err
			}
			if len(content) > 1<<10 { // quoting large contents takes longer than the pulls of a test
				content = []byte(digest.FromBytes(content))
			}
			fmt.Fprintf(&b, " %q", content)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// directory returns a plan of one directory.
func directory(kind, path string, packing mediatypes.Packing) *artifact.Plan {
	mediaType := map[mediatypes.Packing]string{
		mediatypes.Tar: mediatypes.LayerTar, mediatypes.TarGzip: mediatypes.LayerTarGzip, mediatypes.TarZstd: mediatypes.LayerTarZstd,
	}[packing]
	return &artifact.Plan{
		Kind: mediatypes.Kind{Name: kind}, ArtifactType: "application/vnd.example.thing",
		Layers: []artifact.Layer{{
			Path: path, Dir: true, Title: path, MediaType: mediaType, Packing: packing, Size: -1,
			Entries: spec.Entries{Prefix: path + "/", Unpack: packing == mediatypes.TarGzip},
		}},
	}
}

// volumePlan returns a plan of a volume with the directory "vol".
func volumePlan() *artifact.Plan {
	return &artifact.Plan{
		Kind: mediatypes.Kind{Name: mediatypes.Volume, Shape: mediatypes.Image}, ConfigType: ocispec.MediaTypeImageConfig,
		Annotations: map[string]string{mediatypes.KindAnnotation: mediatypes.Volume},
		Finish: func([]artifact.Packed) (artifact.Finished, error) {
			return artifact.Finished{Config: []byte(`{"os":"linux","architecture":"amd64"}`)}, nil
		},
		Layers: []artifact.Layer{{
			Path: "vol", Dir: true, MediaType: mediatypes.LayerTarGzip, Packing: mediatypes.TarGzip, Size: -1, Role: "data",
			Entries: spec.Entries{Prefix: "volume-data/", Preserve: true, Split: true},
		}},
	}
}

// push pushes the files of a plan in dir, with the tag "v1".
func push(t testing.TB, dir string, plan *artifact.Plan, dst *counted) *pack.Result {
	t.Helper()
	r, err := pack.Push(t.Context(), openRoot(t, dir).FS(), plan, dst, pack.PushOptions{Tags: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDirectoryRoundTrip(t *testing.T) {
	t.Parallel()
	for _, packing := range []mediatypes.Packing{mediatypes.Tar, mediatypes.TarGzip, mediatypes.TarZstd} {
		for _, split := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s split %t", packing, split), func(t *testing.T) {
				t.Parallel()
				dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
				for i := range 30 {
					write(t, dir, fmt.Sprintf("data/d%d/f%d", i%4, i), strings.Repeat("x", i*40_000))
				}
				if err := os.Symlink("d1/f1", filepath.Join(dir, "data", "link")); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(filepath.Join(dir, "data/d0/f0"), 0o755); err != nil {
					t.Fatal(err)
				}
				plan := directory("generic", "data", packing)
				plan.Layers[0].Split = split
				push(t, dir, plan, store)
				r, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, State: out + ".state"})
				if err != nil {
					t.Fatal(err)
				}
				if got, want := listTree(t, out, false), listTree(t, dir, false); got != want {
					t.Errorf("got\n%.600s\nwant\n%.600s", got, want)
				}
				if len(r.Files) != 31 || r.Files[30].Link != "d1/f1" || r.Files[0].Digest == "" {
					t.Errorf("got %d files, want 31, the last one a link, with digests", len(r.Files))
				}
				if r, err = pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, State: out + ".state"}); err != nil || !r.Skipped {
					t.Errorf("again: got skipped %t, %v, want true", r.Skipped, err)
				}
			})
		}
	}
}

// TestSmallChangeFetchesLittle checks that a pull fetches few layers of a split directory, and replaces only the changed file, if one
// file changed.
func TestSmallChangeFetchesLittle(t *testing.T) {
	t.Parallel()
	dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
	for i := range 24 {
		write(t, dir, fmt.Sprintf("data/d%d/f%d", i%4, i), strings.Repeat(fmt.Sprint(i), 1<<20))
	}
	plan := directory("generic", "data", mediatypes.TarGzip)
	plan.Layers[0].Split = true
	layers := len(push(t, dir, plan, store).Layers)
	root := openRoot(t, out)
	if _, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{NoSync: true, State: root.Name() + ".state"}); err != nil {
		t.Fatal(err)
	}
	before := map[string]fs.FileInfo{}
	for _, name := range []string{"data/d0/f0", "data/d1/f5", "data/d1/f1"} {
		before[name], _ = root.Stat(name)
	}
	write(t, dir, "data/d1/f5", "new")
	push(t, dir, plan, store)
	store.fetched.Store(0)
	r, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{NoSync: true, State: root.Name() + ".state"})
	if err != nil || r.Skipped {
		t.Fatalf("got skipped %t, %v, want false", r.Skipped, err)
	}
	if n := int(store.fetched.Load()); layers < 4 || n > 3 {
		t.Errorf("got %d fetches for one changed file in %d layers, want at most 3 of at least 4", n, layers)
	}
	if got, want := listTree(t, out, false), listTree(t, dir, false); got != want {
		t.Errorf("got\n%.600s\nwant\n%.600s", got, want)
	}
	for name, old := range before {
		now, err := root.Stat(name)
		if err != nil || os.SameFile(old, now) == (name == "data/d1/f5") {
			t.Errorf("%s: got replaced %t, %v, want %t", name, !os.SameFile(old, now), err, name == "data/d1/f5")
		}
	}
	if err := os.WriteFile(filepath.Join(out, "data/d1/f5"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{NoSync: true, State: root.Name() + ".state"}); !errors.Is(err, artifact.ErrKept) {
		t.Errorf("a file that the user changed: got %v, want ErrKept", err)
	}
}

// TestVolumeRoundTrip checks that a pull restores the modes and times of a volume.
func TestVolumeRoundTrip(t *testing.T) {
	t.Parallel()
	dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
	write(t, dir, "vol/a/file", "content")
	write(t, dir, "vol/b/script", "#!/bin/sh")
	old := time.Unix(1_700_000_000, 123456789)
	for name, mode := range map[string]fs.FileMode{"vol/a/file": 0o600, "vol/b/script": 0o751, "vol/b": 0o750, "vol/a": 0o711, "vol": 0o705} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Chmod(path, mode), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	push(t, dir, volumePlan(), store)
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, State: out + ".state"}); err != nil {
		t.Fatal(err)
	}
	if got, want := listTree(t, out, true), listTree(t, filepath.Join(dir, "vol"), true); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// entry is an entry of a tar.
type entry struct {
	name, content string
	link          string
	kind          byte
}

// tgz returns a gzipped tar.
func tgz(t testing.TB, entries ...entry) string {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	tw := tar.NewWriter(zw)
	for _, e := range entries {
		hdr := &tar.Header{Name: e.name, Mode: 0o755, Size: int64(len(e.content)), Linkname: e.link, Typeflag: e.kind}
		if e.kind == 0 {
			hdr.Typeflag = tar.TypeReg
		}
		if err := tw.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// pushImage stores and tags a container image with the given layers.
func (s *counted) pushImage(t testing.TB, tag string, layers ...string) {
	t.Helper()
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: s.pushBlob(t, ocispec.MediaTypeImageConfig, `{"os":"linux","architecture":"amd64"}`),
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

func (s *counted) pushBlob(t testing.TB, mediaType, data string) ocispec.Descriptor {
	t.Helper()
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: ocispec.DescriptorEmptyJSON.Digest.Algorithm().FromString(data), Size: int64(len(data))}
	if ok, _ := s.Exists(t.Context(), desc); !ok {
		if err := s.Push(t.Context(), desc, strings.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	return desc
}

func TestImageLayersInOrder(t *testing.T) {
	t.Parallel()
	out, store := filepath.Join(t.TempDir(), "out"), newStore()
	base := tgz(t, entry{name: "etc/", kind: tar.TypeDir}, entry{name: "etc/gone", content: "x"}, entry{name: "etc/stays", content: "1"},
		entry{name: "dir/old", content: "o"})
	top := tgz(t, entry{name: "etc/.wh.gone"}, entry{name: "etc/stays", content: "2"}, entry{name: "dir/.wh..wh..opq"},
		entry{name: "dir/new", content: "n"})
	store.pushImage(t, "v1", base, top)
	r, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, State: out + ".state"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.Files {
		names = append(names, f.Path)
	}
	if fmt.Sprint(names) != "[dir/new etc/stays]" {
		t.Errorf("got files %v, want dir/new and etc/stays", names)
	}
	if b, err := os.ReadFile(filepath.Join(out, "etc/stays")); string(b) != "2" {
		t.Errorf("etc/stays: got %q, %v, want 2", b, err)
	}
	// A new top layer that hides nothing reveals the lower files again: the base is fetched again.
	store.pushImage(t, "v1", base, tgz(t, entry{name: "more", content: "m"}))
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, State: out + ".state", Delete: true}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"etc/gone": "x", "etc/stays": "1", "dir/old": "o", "more": "m"} {
		if b, err := os.ReadFile(filepath.Join(out, name)); string(b) != want {
			t.Errorf("%s: got %q, %v, want %q", name, b, err, want)
		}
	}
	// A top layer that hides files of the base removes them, although the last pull placed the base unchanged.
	store.pushImage(t, "v1", base, top)
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, State: out + ".state", Delete: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(out, "etc/gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that the top layer hides: got %v, want fs.ErrNotExist", err)
	}
}

func TestHostileTarsLeaveNothing(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]entry{
		"path out of the directory":      {{name: "d/ok", content: "x"}, {name: "d/../../up", content: "x"}},
		"absolute path":                  {{name: "/etc/x", content: "x"}},
		"link out of the directory":      {{name: "d/l", link: "../../..", kind: tar.TypeSymlink}, {name: "d/l/x", content: "x"}},
		"hard link out of the directory": {{name: "d/h", link: "/etc/passwd", kind: tar.TypeLink}},
		"device":                         {{name: "d/dev", kind: tar.TypeChar}},
		"path beside the directory":      {{name: "d/ok", content: "x"}, {name: "e/x", content: "x"}},
		"path of a stage":                {{name: ".davit-0123456789abcdef/x", content: "x"}},
		"same path twice":                {{name: "d/x", content: "1"}, {name: "d/x", content: "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent, store := t.TempDir(), newStore()
			out := filepath.Join(parent, "out")
			layer := store.pushBlob(t, mediatypes.LayerTarGzip, tgz(t, entries...))
			layer.Annotations = map[string]string{ocispec.AnnotationTitle: "d", "io.deis.oras.content.unpack": "true"}
			good := store.pushBlob(t, "text/plain", "good")
			good.Annotations = map[string]string{ocispec.AnnotationTitle: "good"}
			m := ocispec.Manifest{
				Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
				ArtifactType: "application/vnd.example", Config: store.pushBlob(t, ocispec.MediaTypeEmptyJSON, "{}"),
				Layers: []ocispec.Descriptor{good, layer},
			}
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Tag(t.Context(), store.pushBlob(t, m.MediaType, string(b)), "v1"); err != nil {
				t.Fatal(err)
			}
			root, when := openRoot(t, out), time.Unix(1e9, 0)
			if err := root.Chtimes(".", when, when); err != nil {
				t.Fatal(err)
			}
			if _, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{NoSync: true, State: out + ".state"}); !errors.Is(err, artifact.ErrRefused) {
				t.Errorf("got %v, want ErrRefused", err)
			}
			if info, err := root.Stat("."); err != nil || !info.ModTime().Equal(when) {
				t.Errorf("time of the destination: got %v, %v, want %v", info.ModTime(), err, when)
			}
			if got := listTree(t, parent, false); strings.Count(got, "\n") != 2 {
				t.Errorf("left behind:\n%s", got)
			}
		})
	}
}

func TestIncludeReachesIntoTars(t *testing.T) {
	t.Parallel()
	dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
	for _, name := range []string{"docs/a.md", "docs/b.txt", "docs/sub/c.md", "docs/img/d.png"} {
		write(t, dir, name, name)
	}
	push(t, dir, directory("generic", "docs", mediatypes.TarGzip), store)
	for pattern, want := range map[string]int{"*.md": 2, "docs/sub": 1, "docs/**": 4, "docs/*.txt": 1} {
		r, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, filepath.Join(out, fmt.Sprint(want), fmt.Sprint(len(pattern)))),
			pull.Options{NoSync: true, Selection: pull.Selection{Include: []string{pattern}}})
		if err != nil || len(r.Files) != want {
			t.Errorf("%s: got %d files, %v, want %d", pattern, len(r.Files), err, want)
		}
	}
	if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, filepath.Join(out, "bad")), pull.Options{NoSync: true, Selection: pull.Selection{Include: []string{"["}}}); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("an invalid pattern: got %v, want ErrInvalid", err)
	}
	r, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, filepath.Join(out, "tar")), pull.Options{NoSync: true, NoUnpack: true})
	if err != nil || len(r.Files) != 1 || r.Files[0].Path != "docs.tar.gz" {
		t.Errorf("NoUnpack: got %+v, %v, want docs.tar.gz", r, err)
	}
}

// TestLocalLinkAndModeChanges checks that a pull does not overwrite a link that the user changed. A changed mode prevents the pull only
// where modes are preserved.
func TestLocalLinkAndModeChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "vol/d/f", "content")
	if err := os.Symlink("d/f", filepath.Join(dir, "vol/l")); err != nil {
		t.Fatal(err)
	}
	relink := func(out *os.Root, at string) error {
		return errors.Join(out.Remove(at+"l"), out.Symlink("d", at+"l"))
	}
	chmod := func(out *os.Root, at string) error { return out.Chmod(at+"d/f", 0o600) }
	for name, c := range map[string]struct {
		plan   *artifact.Plan
		at     string
		change func(out *os.Root, at string) error
		keep   bool
	}{
		"link in a directory": {directory("generic", "vol", mediatypes.TarGzip), "vol/", relink, true},
		"link in a volume":    {volumePlan(), "", relink, true},
		"mode in a directory": {directory("generic", "vol", mediatypes.TarGzip), "vol/", chmod, false},
		"mode in a volume":    {volumePlan(), "", chmod, true},
	} {
		store, out := newStore(), filepath.Join(t.TempDir(), "out")
		push(t, dir, c.plan, store)
		root, opts := openRoot(t, out), pull.Options{NoSync: true, State: out + ".state"}
		if _, err := pull.Artifact(t.Context(), store, "v1", root, opts); err != nil {
			t.Fatal(err)
		}
		before := listTree(t, out, false)
		if err := c.change(root, c.at); err != nil {
			t.Fatal(err)
		}
		changed := listTree(t, out, false)
		if before == changed {
			t.Fatalf("%s: the test changed nothing", name)
		}
		_, err := pull.Artifact(t.Context(), store, "v1", root, opts)
		if errors.Is(err, artifact.ErrKept) != c.keep || !c.keep && err != nil || listTree(t, out, false) != changed {
			t.Errorf("%s: got %v, want kept %t; got\n%s\nwant\n%s", name, err, c.keep, listTree(t, out, false), changed)
		}
		opts.Force = true
		if _, err := pull.Artifact(t.Context(), store, "v1", root, opts); err != nil || c.keep && listTree(t, out, false) != before {
			t.Errorf("%s: with Force: %v; got\n%s\nwant\n%s", name, err, listTree(t, out, false), before)
		}
	}
}

// TestDirectoryBecomesFile checks that a file replaces a directory, and a directory a file, but only if earlier pulls placed everything
// in the directory.
func TestDirectoryBecomesFile(t *testing.T) {
	t.Parallel()
	for _, plan := range []*artifact.Plan{directory("generic", "vol", mediatypes.TarGzip), volumePlan()} {
		dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
		in := out
		if plan.Kind.Name == "generic" {
			in = filepath.Join(out, "vol")
		}
		write(t, dir, "vol/d/x", "one")
		write(t, dir, "vol/d/e/y", "one")
		write(t, dir, "vol/f", "one")
		push(t, dir, plan, store)
		root, opts := openRoot(t, out), pull.Options{NoSync: true, State: out + ".state", Delete: true}
		if _, err := pull.Artifact(t.Context(), store, "v1", root, opts); err != nil {
			t.Fatal(err)
		}
		vol := filepath.Join(dir, "vol")
		if err := errors.Join(os.RemoveAll(filepath.Join(vol, "d")), os.Remove(filepath.Join(vol, "f"))); err != nil {
			t.Fatal(err)
		}
		write(t, vol, "d", "a file now")
		write(t, vol, "f/x", "in a directory now")
		push(t, dir, plan, store)
		write(t, in, "d/e/mine", "not ours")
		before := listTree(t, out, false)
		if _, err := pull.Artifact(t.Context(), store, "v1", root, opts); !errors.Is(err, artifact.ErrKept) || listTree(t, out, false) != before {
			t.Errorf("%s: got %v, want ErrKept and no change; got\n%s", plan.Kind.Name, err, listTree(t, out, false))
		}
		if err := os.Remove(filepath.Join(in, "d/e/mine")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := pull.Artifact(t.Context(), store, "v1", root, opts); err != nil || listTree(t, in, false) != listTree(t, vol, false) {
				t.Errorf("%s: %v; got\n%s\nwant\n%s", plan.Kind.Name, err, listTree(t, in, false), listTree(t, vol, false))
			}
		}
	}
}
