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

// pushTar pushes an artifact of one tar with links, directories, and files: "name -> target", "dir/", "file".
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

// findEscapes returns the links below a directory that the system resolves to a path outside. It ignores links that the user made.
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

// newDeepDir returns a directory to pull into. It is deep enough for links that lead up, and each directory above it has directories
// that such links could reach.
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

// TestLinksOfSeveralPulls runs sequences of pulls whose links, taken together, lead out of the directory.
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
		mine   map[string]string // links of the user, made first
		pulls  []pull.Options
		tags   []string
		refuse int // index of the pull that is refused; -1: no pull
	}{
		"one":                         {nil, []pull.Options{{}}, []string{"ab"}, 0},
		"the second turns":            {nil, []pull.Options{{Origin: "1"}, {Origin: "2"}}, []string{"a", "b"}, 1},
		"another version":             {nil, []pull.Options{{}, {}}, []string{"a", "ab"}, 1},
		"included in turn":            {nil, []pull.Options{includeOptions("tree/x/**"), includeOptions("tree/y/**")}, []string{"ab", "ab"}, 1},
		"turned first":                {nil, []pull.Options{{}, {Origin: "2"}}, []string{"b", "a"}, 1},
		"of a directory":              {nil, []pull.Options{{}, {Delete: true}}, []string{"dirs", "ab"}, 1},
		"the user's link":             {map[string]string{"tree/y/z": ".."}, []pull.Options{{}}, []string{"a"}, 0},
		"the user's link, elsewhere":  {map[string]string{"tree/mine": "/etc"}, []pull.Options{{}}, []string{"through"}, 0},
		"the user's link, up":         {map[string]string{"tree/mine": "../../a"}, []pull.Options{{}}, []string{"through"}, 0},
		"the user's link is turned":   {map[string]string{"mine": "tree/y/z/../../escape"}, []pull.Options{{}}, []string{"b"}, 0},
		"the user's link, in between": {map[string]string{"tree/mine": "x"}, []pull.Options{{}}, []string{"through"}, -1},
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
						t.Errorf("%s, recorded %t, force %t: pull %d: %v", name, recorded, force, i, err)
					}
				}
				if list := findEscapes(t, out, nil); test.mine == nil && list != nil {
					t.Errorf("%s, recorded %t, force %t: %v", name, recorded, force, list)
				}
			}
		}
	}
}

// FuzzLinks pulls random sequences of artifacts into one directory, with random links, options, and links of the user. It checks that no
// link that was pulled leads out of the directory.
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
			if rnd.IntN(3) == 0 { // the user makes or removes a link
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
				t.Fatalf("%q leads out after\n%s", list, strings.Join(log, "\n"))
			}
		}
	})
}

// TestLinkBomb checks that resolving links has a limit, and ends when the user interrupts.
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
		t.Errorf("after %v: %v", time.Since(started), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pull.Artifact(ctx, store, "bomb", openRoot(t, filepath.Join(t.TempDir(), "out")), pull.Options{NoSync: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
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

// TestLongPaths checks that the paths of an artifact take a bounded amount of memory. Consecutive files share the path of their
// directory.
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
			t.Errorf("%s: %v", tag, err)
		}
		if info, err := os.Stat(opts.State); err == nil && info.Size() > 16<<10 {
			t.Errorf("%s: the record has %d bytes", tag, info.Size())
		}
	}
}

// TestDeepPaths checks that creating directories with many levels takes a bounded number of steps. Many files in one such directory
// are accepted.
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
			t.Errorf("%s: %.200v", tag, err)
		}
	}
}

func includeOptions(pattern string) (opts pull.Options) {
	opts.Include = []string{pattern}
	return opts
}
