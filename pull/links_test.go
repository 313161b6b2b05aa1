package pull_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// pushTar pushes an artifact of one tar. An entry is a link ("name -> target"), a directory ("dir/"), or an empty file ("file").
func (s *counted) pushTar(t testing.TB, tag string, entries ...string) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e, Mode: 0o755, Typeflag: tar.TypeReg}
		if name, target, ok := strings.Cut(e, " -> "); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeSymlink
		} else if strings.HasSuffix(e, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := oras.PushBytes(t.Context(), s.Store, "application/vnd.oci.image.layer.v1.tar", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	layer.Annotations = map[string]string{ocispec.AnnotationTitle: "tree", "io.deis.oras.content.unpack": "true"}
	desc, err := oras.PackManifest(t.Context(), s.Store, oras.PackManifestVersion1_1, "application/x",
		oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}})
	if err == nil {
		err = s.Tag(t.Context(), desc, tag)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// findEscapes returns the links below dir that the system resolves to a path outside. It ignores the links in mine, which the user
// made.
func findEscapes(t testing.TB, dir string, mine map[string]string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() != fs.ModeSymlink {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		target, err := os.Readlink(path)
		if err != nil || mine[name] == target {
			return err
		}
		if real, err := filepath.EvalSymlinks(path); err == nil && real != dir && !strings.HasPrefix(real, dir+"/") {
			list = append(list, name+" -> "+target+" = "+real)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// newDeepDir returns the path of a directory to pull into. Each directory above it has subdirectories that a link out of it could
// reach.
func newDeepDir(t testing.TB) (out string) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Join(top, "1/2/3/4"); dir != filepath.Dir(top); dir = filepath.Dir(dir) {
		for _, name := range []string{"a", "b", "c", "escape"} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	return filepath.Join(top, "1/2/3/4/out")
}

// TestLinksOfSeveralPulls checks that a pull is refused if its links, together with links of earlier pulls or of the user, lead out
// of the directory.
func TestLinksOfSeveralPulls(t *testing.T) {
	t.Parallel()
	const up, turn = "tree/x/up -> ../y/z/../../escape", "tree/y/z -> .."
	store := newStore()
	store.pushTar(t, "a", up)
	store.pushTar(t, "b", turn)
	store.pushTar(t, "ab", up, turn)
	store.pushTar(t, "dirs", "tree/y/z/", "tree/y/z/f", up)
	store.pushTar(t, "through", "tree/l -> mine/f")
	for name, test := range map[string]struct {
		mine   map[string]string // links that the user made before the pulls
		pulls  []pull.Options
		tags   []string
		refuse int // index of the pull that is refused; -1: no pull
	}{
		"both links in one pull":                     {nil, []pull.Options{{}}, []string{"ab"}, 0},
		"a second artifact redirects the link":       {nil, []pull.Options{{Origin: "1"}, {Origin: "2"}}, []string{"a", "b"}, 1},
		"a later version redirects the link":         {nil, []pull.Options{{}, {}}, []string{"a", "ab"}, 1},
		"one link after the other with Include":      {nil, []pull.Options{includeOptions("tree/x/**"), includeOptions("tree/y/**")}, []string{"ab", "ab"}, 1},
		"a second artifact adds the link":            {nil, []pull.Options{{}, {Origin: "2"}}, []string{"b", "a"}, 1},
		"a link replaces a directory":                {nil, []pull.Options{{}, {Delete: true}}, []string{"dirs", "ab"}, 1},
		"the user's link redirects the link":         {map[string]string{"tree/y/z": ".."}, []pull.Options{{}}, []string{"a"}, 0},
		"a link through the user's link to /etc":     {map[string]string{"tree/mine": "/etc"}, []pull.Options{{}}, []string{"through"}, 0},
		"a link through the user's link to a parent": {map[string]string{"tree/mine": "../../a"}, []pull.Options{{}}, []string{"through"}, 0},
		"the pull redirects the user's link":         {map[string]string{"mine": "tree/y/z/../../escape"}, []pull.Options{{}}, []string{"b"}, 0},
		"a link through the user's link inside":      {map[string]string{"tree/mine": "x"}, []pull.Options{{}}, []string{"through"}, -1},
	} {
		for _, recorded := range []bool{true, false} {
			for _, force := range []bool{false, true} {
				out := newDeepDir(t)
				root := openRoot(t, out)
				for name, target := range test.mine {
					if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(out, name)), 0o777), os.Symlink(target, filepath.Join(out, name))); err != nil {
						t.Fatal(err)
					}
				}
				for i, opts := range test.pulls {
					opts.NoSync, opts.Force = true, force
					if recorded {
						opts.State = out + ".state"
					}
					before := listTree(t, out, false)
					_, err := pull.Artifact(t.Context(), store, test.tags[i], root, opts)
					if i == test.refuse != errors.Is(err, artifact.ErrRefused) && !errors.Is(err, artifact.ErrKept) || err != nil && listTree(t, out, false) != before {
						t.Errorf("%s, recorded %t, force %t: pull %d: got %v, want refused %t", name, recorded, force, i, err, i == test.refuse)
					}
				}
				if list := findEscapes(t, out, nil); test.mine == nil && list != nil {
					t.Errorf("%s, recorded %t, force %t: got links out of the directory %v, want none", name, recorded, force, list)
				}
			}
		}
	}
}

// FuzzLinks pulls random artifacts into one directory, with random options and random links of the user. It checks that no pulled link
// leads out of the directory.
func FuzzLinks(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	pulled := make(map[bool]int)
	f.Cleanup(func() {
		if pulled[true] < 20 || pulled[false] < 20 {
			f.Logf("%d pulls succeeded, %d failed", pulled[true], pulled[false])
		}
	})
	f.Fuzz(func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
		some := func(n int, of ...string) string {
			var parts []string
			for range 1 + rnd.IntN(n) {
				parts = append(parts, pick(of...))
			}
			return strings.Join(parts, "/")
		}
		store, out := newStore(), newDeepDir(t)
		root, mine := openRoot(t, out), make(map[string]string)
		var log []string
		for i := range 6 {
			if rnd.IntN(3) == 0 { // the user makes a link
				name := pick("tree/", "") + some(2, "a", "b", "c")
				target := pick("..", "a", "b/c", "../..", "/", some(4, "a", "b", "..", "escape"))
				if err := root.MkdirAll(filepath.Dir(name), 0o777); err == nil && root.Symlink(target, name) == nil {
					mine[name] = target
					log = append(log, "user: "+name+" -> "+target)
				}
				if len(findEscapes(t, out, mine)) > 0 { // because of a link of the user
					return
				}
			}
			seen := make(map[string]bool)
			var entries []string
			for range 1 + rnd.IntN(4) {
				name := some(3, "a", "b", "c")
				isTaken := seen[name]
				for dir := name; dir != "."; dir = filepath.Dir(dir) {
					isTaken = isTaken || seen[dir+"!"]
				}
				for other := range seen {
					isTaken = isTaken || strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, strings.TrimSuffix(other, "!")+"/")
				}
				if isTaken {
					continue
				}
				seen[name] = true
				if e := "tree/" + name; rnd.IntN(4) > 0 {
					entries = append(entries, e+" -> "+some(5, "a", "b", "c", "..", "..", "escape"))
				} else {
					entries = append(entries, e+pick("", "/"))
				}
			}
			tag := fmt.Sprint("v", i)
			store.pushTar(t, tag, entries...)
			opts := pull.Options{NoSync: true, Force: rnd.IntN(2) == 0, Delete: rnd.IntN(2) == 0, Origin: pick("1", "2")}
			if rnd.IntN(4) > 0 {
				opts.State = out + ".state"
			}
			if rnd.IntN(3) == 0 {
				opts.Include = []string{"tree/" + pick("a", "b", "c") + "/**"}
			}
			before := findEscapes(t, out, mine)
			_, err := pull.Artifact(t.Context(), store, tag, root, opts)
			log = append(log, fmt.Sprintf("pull %q: %v", entries, err))
			pulled[err == nil]++
			for name, target := range mine {
				if now, err := root.Readlink(name); err != nil || now != target {
					delete(mine, name) // replaced, by force
				}
			}
			if list := findEscapes(t, out, mine); len(list) > len(before) {
				t.Fatalf("got links out of the directory %q, want none, after\n%s", list, strings.Join(log, "\n"))
			}
		}
	})
}

// TestLinkBomb checks that resolving links takes a bounded number of steps and stops when the context is canceled. Many harmless
// links are accepted.
func TestLinkBomb(t *testing.T) {
	t.Parallel()
	entries := []string{"tree/a/", "tree/l0 -> " + strings.Repeat("a/../", 800) + "a"}
	for i := range 3000 {
		entries = append(entries, fmt.Sprintf("tree/k%d -> %sa/..", i, strings.Repeat("l0/../", 39)))
	}
	store := newStore()
	store.pushTar(t, "bomb", entries...)
	started := time.Now()
	_, err := pull.Artifact(t.Context(), store, "bomb", openRoot(t, filepath.Join(t.TempDir(), "out")), pull.Options{NoSync: true})
	if !errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), "steps") {
		t.Errorf("after %v: got %v, want ErrRefused with \"steps\"", time.Since(started), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pull.Artifact(ctx, store, "bomb", openRoot(t, filepath.Join(t.TempDir(), "out")), pull.Options{NoSync: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v, want context.Canceled", err)
	}
	var many []string
	for i := range 5000 { // harmless links
		many = append(many, fmt.Sprintf("tree/d%d/l -> ../d%d/../d0/x", i, i/2))
	}
	store.pushTar(t, "many", many...)
	if _, err := pull.Artifact(t.Context(), store, "many", openRoot(t, filepath.Join(t.TempDir(), "out")), pull.Options{NoSync: true}); err != nil {
		t.Error(err)
	}
}

// TestLongPaths checks that the paths of an artifact may take only a bounded amount of memory. Consecutive files in one directory share
// the memory of its path.
func TestLongPaths(t *testing.T) {
	t.Parallel()
	deep := "tree/" + strings.Repeat(strings.Repeat("d", 200)+"/", 12)
	var apart, together []string
	for i := range 60 {
		apart = append(apart, fmt.Sprintf("%s%d/f", deep, i))
		together = append(together, fmt.Sprintf("%sf%d", deep, i))
	}
	store := newStore()
	store.pushTar(t, "apart", apart...)
	store.pushTar(t, "together", together...)
	for tag, refused := range map[string]bool{"apart": true, "together": false} {
		out := filepath.Join(t.TempDir(), "out")
		opts := pull.Options{NoSync: true, State: out + ".state", Limits: pull.Limits{MaxFiles: 1000}}
		_, err := pull.Artifact(t.Context(), store, tag, openRoot(t, out), opts)
		if errors.Is(err, artifact.ErrRefused) != refused || err != nil && !refused {
			t.Errorf("%s: got %v, want refused %t", tag, err, refused)
		}
		if info, err := os.Stat(opts.State); err == nil && info.Size() > 16<<10 {
			t.Errorf("%s: record: got %d bytes, want at most 16 KiB", tag, info.Size())
		}
	}
}

// TestDeepPaths checks that creating deep directories takes a bounded number of steps. Many files in a few deep directories are
// accepted.
func TestDeepPaths(t *testing.T) {
	t.Parallel()
	names := func(levels, dirs, files int) (all []string) {
		for d := range dirs {
			for f := range files {
				all = append(all, fmt.Sprintf("tree/%sd%d/%d", strings.Repeat("d/", levels), d, f))
			}
		}
		return all
	}
	store := newStore()
	store.pushTar(t, "deep", names(250, 25, 1)...)
	store.pushTar(t, "many files", names(60, 50, 20)...)
	for tag, refused := range map[string]bool{"deep": true, "many files": false} {
		out := filepath.Join(t.TempDir(), "out")
		_, err := pull.Artifact(t.Context(), store, tag, openRoot(t, out), pull.Options{NoSync: true})
		if errors.Is(err, artifact.ErrRefused) != refused || err != nil && (!refused || !strings.Contains(err.Error(), "too many deep paths")) {
			t.Errorf("%s: got %.200v, want refused %t", tag, err, refused)
		}
	}
}

func includeOptions(pattern string) (opts pull.Options) {
	opts.Include = []string{pattern}
	return opts
}
