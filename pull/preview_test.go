package pull_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/read"
	"oras.land/oras-go/v2"
)

// A previewWorld makes random artifacts and destinations. They have few names, so that conflicts are frequent.
type previewWorld struct {
	*rand.Rand
	dir string
}

// fill makes random changes in a directory: files, links, directories, modes, and removals.
func (w *previewWorld) fill(t *testing.T, dir string, changes int, links bool) {
	t.Helper()
	names := []string{"a", "t/a", "t/b", "t/d", "t/d/a", "t/d/b", "t/e/a", "t/link", "u/a"}
	for range changes {
		name := filepath.Join(dir, names[w.IntN(len(names))])
		switch err := os.MkdirAll(filepath.Dir(name), 0o777); w.IntN(8) {
		case 0:
			err = os.RemoveAll(name)
			fallthrough
		case 1:
			if err == nil && links {
				_ = os.Symlink([]string{"a", "b"}[w.IntN(2)], name)
			}
		case 2:
			_ = os.Mkdir(name, 0o777)
		case 3:
			_ = os.RemoveAll(name)
		case 4:
			_ = os.Chmod(name, 0o755)
		default:
			_ = os.WriteFile(name, []byte{byte('0' + w.IntN(2))}, 0o666)
		}
	}
}

// push packs a random directory as an artifact.
func (w *previewWorld) push(t *testing.T, store oras.Target, tag, kind string) {
	t.Helper()
	in := filepath.Join(w.dir, tag)
	w.fill(t, in, 12, false)
	_ = os.RemoveAll(filepath.Join(in, "a"))
	_ = os.RemoveAll(filepath.Join(in, "t/link"))
	for _, name := range []string{"a", "t/z/one", "u/two"} {
		write(t, in, name, tag)
	}
	if err := os.Symlink([]string{"z", "z/one"}[w.IntN(2)], filepath.Join(in, "t/link")); err != nil {
		t.Fatal(err)
	}
	s := &artifact.Spec{Kind: kind, Layers: []spec.LayerSpec{{Path: "a"}, {Path: "t/"}, {Path: "u/"}}}
	if kind == "generic" {
		s.Layers[1].Packing = mediatypes.TarGzip
	}
	plan, err := artifact.Compose(os.DirFS(in), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pack.Push(t.Context(), os.DirFS(in), plan, store, pack.PushOptions{Tags: []string{tag}}); err != nil {
		t.Fatal(err)
	}
}

// TestPreview checks that Preview changes nothing and predicts the outcome of a pull: the same error, or the same files placed, removed,
// and kept.
func TestPreview(t *testing.T) {
	t.Parallel()
	outcomes := map[string]int{}
	for seed := range 60 {
		w := &previewWorld{rand.New(rand.NewPCG(uint64(seed), 0)), t.TempDir()}
		kind := []string{"generic", "image"}[seed%2]
		store := newStore()
		w.push(t, store, "v1", kind)
		w.push(t, store, "v2", kind)
		out := filepath.Join(w.dir, "out")
		dst := openRoot(t, out)
		opts := pull.Options{NoSync: true, Origin: "here", State: out + ".state", Force: w.IntN(4) == 0, Delete: w.IntN(2) == 0}
		if w.IntN(4) > 0 {
			if _, err := pull.Artifact(t.Context(), store, "v1", dst, opts); err != nil {
				t.Fatal(seed, err)
			}
		}
		w.fill(t, out, w.IntN(4), true)
		ref := []string{"v1", "v2"}[w.IntN(2)]
		before := describeTree(t, out)
		listed, err := read.List(t.Context(), store, ref, read.ListOptions{Dirs: true, Digests: true})
		if err != nil {
			t.Fatal(seed, err)
		}
		err = pull.Preview(t.Context(), store, dst, listed.Result, opts)
		if after := describeTree(t, out); after != before {
			t.Errorf("seed %d: the preview changed\n%sto\n%s", seed, before, after)
		}
		want := formatOutcome(listed.Result, err)
		pulled, err := pull.Artifact(t.Context(), store, ref, dst, opts)
		if got := formatOutcome(pulled, err); got != want {
			t.Errorf("seed %d, kind %s: got %s, want as predicted %s\nin\n%s", seed, kind, got, want, before)
		}
		switch {
		case errors.Is(err, artifact.ErrKept):
			outcomes["kept"]++
		case err != nil:
			outcomes[err.Error()]++
		case pulled.Skipped:
			outcomes["skipped"]++
		case len(pulled.Removed) > 0:
			outcomes["removed"]++
		default:
			outcomes["pulled"]++
		}
	}
	for _, outcome := range []string{"kept", "skipped", "removed", "pulled"} {
		if outcomes[outcome] < 2 {
			t.Errorf("outcome %q: got %d, want at least 2 (all outcomes: %v)", outcome, outcomes[outcome], outcomes)
		}
	}
}

// formatOutcome returns the error of a pull or, without one, the result as text.
func formatOutcome(r *pull.Result, err error) string {
	if err != nil {
		return err.Error()
	}
	slices.Sort(r.Removed)
	slices.Sort(r.Kept)
	text := fmt.Sprintf("skipped %v, removed %q, kept %q, files", r.Skipped, r.Removed, r.Kept)
	for _, f := range r.Files {
		if fs.FileMode(f.Mode).IsDir() {
			continue
		}
		text += " " + f.Path
	}
	return text
}

// describeTree lists the files below a directory with their modes and times.
func describeTree(t *testing.T, dir string) string {
	t.Helper()
	text := ""
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			text += fmt.Sprintln(name, info.Mode(), info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestPreviewOfImageLinks checks that Preview refuses a file below a link of a lower layer, as Artifact does, and that an absolute link
// keeps its target only with Preserve.
func TestPreviewOfImageLinks(t *testing.T) {
	t.Parallel()
	store := newStore()
	base := tgz(t, entry{name: "usr/bin/a", content: "a"}, entry{name: "bin", kind: tar.TypeSymlink, link: "/usr/bin"})
	store.pushImage(t, "v1", base)
	store.pushImage(t, "below", base, tgz(t, entry{name: "bin/sh", content: "sh"}))
	dir := t.TempDir()
	for name, target := range map[string]string{"new": "", "relative": "usr/bin", "absolute": "/usr/bin"} {
		out := filepath.Join(dir, name)
		dst := openRoot(t, out)
		if target != "" {
			if err := os.Symlink(target, filepath.Join(out, "bin")); err != nil {
				t.Fatal(err)
			}
		}
		for _, preserve := range []bool{false, true} {
			want := target != "" && preserve != (target[0] == '/')
			opts := pull.Options{NoSync: true, State: out + ".state", Preserve: preserve}
			if err := preview(t, store, "v1", dst, opts); errors.Is(err, artifact.ErrKept) != want || err != nil && !want {
				t.Errorf("%s, preserve %v: got %v, want ErrKept: %v", name, preserve, err, want)
			}
		}
		opts := pull.Options{NoSync: true, State: out + ".state", Force: true}
		if err := preview(t, store, "below", dst, opts); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%s, a file below a link: got %v, want ErrRefused", name, err)
		}
		if _, err := pull.Artifact(t.Context(), store, "below", dst, opts); !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%s, pulling a file below a link: got %v, want ErrRefused", name, err)
		}
	}
}

// preview lists an artifact, and returns the error of its preview.
func preview(t *testing.T, store oras.ReadOnlyTarget, ref string, dst *os.Root, opts pull.Options) error {
	t.Helper()
	listed, err := read.List(t.Context(), store, ref, read.ListOptions{Dirs: true, Digests: true})
	if err != nil {
		t.Fatal(err)
	}
	return pull.Preview(t.Context(), store, dst, listed.Result, opts)
}
