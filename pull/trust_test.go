package pull_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/opencontainers/go-digest"
)

// pushVersions pushes v1 and v2 of a directory, or of separate files if packing is empty.
func pushVersions(t *testing.T, packing mediatypes.Packing) *counted {
	t.Helper()
	store := newStore()
	for _, v := range []string{"v1", "v2"} {
		dir := t.TempDir()
		write(t, dir, "d/a", "a of "+v)
		write(t, dir, "d/b", "b of "+v)
		plan := directory("generic", "d", packing)
		if packing == "" {
			plan.Layers = nil
			for _, name := range []string{"d/a", "d/b"} {
				plan.Layers = append(plan.Layers, artifact.Layer{Path: name, Title: name, MediaType: "text/plain"})
			}
		}
		if _, err := pack.Push(t.Context(), openRoot(t, dir).FS(), plan, store, pack.PushOptions{Tags: []string{v}}); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// changeKeepingTime changes a file and restores its time.
func changeKeepingTime(t *testing.T, path string, change func(path string) error) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(change(path), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

// TestHiddenChanges checks that a changed file is kept even if its size and time are the same, and that a file with the same content
// does not count as changed.
func TestHiddenChanges(t *testing.T) {
	t.Parallel()
	rewrite := func(content string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(content), 0o666) }
	}
	for _, packing := range []mediatypes.Packing{"", mediatypes.Tar, mediatypes.TarZstd} {
		for name, test := range map[string]struct {
			change func(path string) error
			kept   bool
		}{
			"other content": {rewrite("my file"), true},
			"another file": {func(path string) error {
				return errors.Join(os.WriteFile(path+".new", []byte("my file"), 0o666), os.Rename(path+".new", path))
			}, true},
			"same content": {rewrite("a of v1"), false},
			"another file, same content": {func(path string) error {
				return errors.Join(os.WriteFile(path+".new", []byte("a of v1"), 0o666), os.Rename(path+".new", path))
			}, false},
			"another hard link": {func(path string) error { return os.Link(path, filepath.Join(filepath.Dir(filepath.Dir(path)), "mine")) }, false},
			"another mode":      {func(path string) error { return os.Chmod(path, 0o600) }, false},
			"no change":         {func(string) error { return nil }, false},
		} {
			for _, next := range []string{"v1", "v2"} {
				store, out := pushVersions(t, packing), filepath.Join(t.TempDir(), "out")
				root, opts := openRoot(t, out), pull.Options{NoSync: true, State: out + ".state", Origin: "o"}
				if _, err := pull.Artifact(t.Context(), store, "v1", root, opts); err != nil {
					t.Fatal(err)
				}
				changeKeepingTime(t, filepath.Join(out, "d/a"), test.change)
				before, _ := root.ReadFile("d/a")
				_, err := pull.Artifact(t.Context(), store, next, root, opts)
				want := "a of " + next
				if test.kept {
					want = string(before)
				}
				got, _ := root.ReadFile("d/a")
				if errors.Is(err, artifact.ErrKept) != test.kept || !test.kept && err != nil || string(got) != want {
					t.Errorf("%s, %s, then %s: got %q, %v, want %q, kept %t", packing, name, next, got, err, want, test.kept)
				}
				if test.kept {
					continue
				}
				if r, err := pull.Artifact(t.Context(), store, next, root, opts); err != nil || !r.Skipped {
					t.Errorf("%s, %s, then %s again: got %+v, %v, want skipped", packing, name, next, r, err)
				}
			}
		}
	}
}

// TestImportedRecord checks the import of a record beside the directory: its files may be replaced only if they have the content of
// the artifact that the record names.
func TestImportedRecord(t *testing.T) {
	t.Parallel()
	for _, packing := range []mediatypes.Packing{"", mediatypes.Tar, mediatypes.TarGzip} {
		for name, test := range map[string]struct {
			content, next string // of d/a, and the version that is pulled
			fails         bool
		}{
			"right content, same version": {"a of v1", "v1", false},
			"right content, next version": {"a of v1", "v2", false},
			"other content, same version": {"EVIL v1", "v1", true},
			"other content, next version": {"EVIL v1", "v2", true},
			"content of the next version": {"a of v2", "v2", false},
		} {
			store, dir := pushVersions(t, packing), t.TempDir()
			out := filepath.Join(dir, "out")
			write(t, out, "d/a", test.content)
			root, opts := openRoot(t, out), pull.Options{NoSync: true, State: out + ".state", Origin: "o"}
			desc, err := store.Resolve(t.Context(), "v1")
			if err != nil {
				t.Fatal(err)
			}
			r, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, filepath.Join(dir, "elsewhere")), pull.Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			info, err := root.Stat("d/a")
			if err != nil {
				t.Fatal(err)
			}
			old := fmt.Sprintf(`{"davit":2,"origin":"o","settings":"[\"\",null,null,false,false]","root":{"mediaType":%q,"digest":%q,"size":%d},`+
				`"result":{"digest":%[2]q},"layers":[%[4]q],"synced":true,"files":1}`+"\n644 %d %d %d %d 0 - \"d/a\"\n", desc.MediaType, desc.Digest, desc.Size,
				r.Layers[0].Digest, 0, 0, info.Size(), info.ModTime().UnixNano())
			write(t, dir, ".out.davit.json", old)
			if err := record.Import(filepath.Join(dir, ".out.davit.json"), opts.State, out); err != nil {
				t.Fatal(err)
			}
			if all := record.ReadState(opts.State).All(); len(all) != 1 || !all[0].Hint || all[0].IsTrusted() {
				t.Fatalf("got %+v, want one record that is a hint and not trusted", all)
			}
			result, err := pull.Artifact(t.Context(), store, test.next, root, opts)
			got, _ := root.ReadFile("d/a")
			want := "a of " + test.next
			if test.fails {
				want = test.content
			}
			if errors.Is(err, artifact.ErrKept) != test.fails || !test.fails && err != nil || string(got) != want {
				t.Errorf("%s, %s: got %q, %+v, %v, want %q, kept %t", packing, name, got, result, err, want, test.fails)
			}
		}
	}
}

// TestChangesOfOtherPrograms changes the destination between Plan and Apply. It checks that no file of another program is lost, and that
// Apply undoes its changes.
func TestChangesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		interfere func(out *os.Root) error
		file      string // of the other program, which must be unchanged
	}{
		"a file appears":                {func(out *os.Root) error { return out.WriteFile("n", []byte("mine"), 0o666) }, "n"},
		"a file appears in a directory": {func(out *os.Root) error { return out.WriteFile("d/n", []byte("mine"), 0o666) }, "d/n"},
		"a link appears":                {func(out *os.Root) error { return out.Symlink("mine", "n") }, ""},
		"a directory appears":           {func(out *os.Root) error { return out.Mkdir("n", 0o777) }, ""},
		"a file is edited": {func(out *os.Root) error {
			info, err := out.Stat("a")
			return errors.Join(err, out.WriteFile("a", []byte("mine"), 0o666), out.Chtimes("a", info.ModTime(), info.ModTime()))
		}, "a"},
		"a file is replaced": {func(out *os.Root) error {
			return errors.Join(out.WriteFile("x", []byte("mine"), 0o666), out.Rename("x", "a"))
		}, "a"},
		"a file is removed":          {func(out *os.Root) error { return out.Remove("a") }, ""},
		"a file to remove is edited": {func(out *os.Root) error { return out.WriteFile("left", []byte("mine"), 0o666) }, "left"},
		"a file appears in a directory to replace": {func(out *os.Root) error {
			return out.WriteFile("becomes/mine", []byte("mine"), 0o666)
		}, "becomes/mine"},
	} {
		dir := t.TempDir()
		for _, name := range []string{"a", "left", "becomes/f", "d/f"} {
			write(t, dir, name, "v1 "+name)
		}
		out := openRoot(t, dir)
		state := record.ReadState(filepath.Join(t.TempDir(), "state"))
		of := &record.Record{Origin: "o", Result: []byte("{}"), Layers: []digest.Digest{digest.FromString("x")}, Synced: true}
		for _, name := range []string{"a", "becomes/f", "d/f", "left"} {
			info, err := out.Lstat(name)
			if err != nil {
				t.Fatal(err)
			}
			of.Files.Add(record.NewPlaced(name, 0, info, ""))
		}
		if err := state.Put(dir, of); err != nil {
			t.Fatal(err)
		}
		state = record.ReadState(state.Path)
		stage, err := place.OpenStage(out, digest.FromString("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"0", "a", "becomes", "d/n", "n"} {
			write(t, filepath.Join(dir, stage.Name, place.StageFiles), name, "v2 "+name)
		}
		p := &place.Placer{Stage: stage, State: state}
		if err := p.Plan(t.Context(), "."); err != nil || p.Refusal() != nil {
			t.Fatalf("got %v and refusal %v, want none", err, p.Refusal())
		}
		left, err := out.Lstat("left")
		if err != nil {
			t.Fatal(err)
		}
		if err := test.interfere(out); err != nil {
			t.Fatal(err)
		}
		before := listTree(t, dir, false)
		if err := p.Apply([]place.Removal{{Path: "left", Was: left}}); !errors.Is(err, artifact.ErrKept) {
			t.Errorf("%s: got %v, want ErrKept", name, err)
		}
		if test.file != "" {
			if b, err := out.ReadFile(test.file); string(b) != "mine" {
				t.Errorf("%s: %s: got %q, %v, want mine", name, test.file, b, err)
			}
		}
		withoutStage := func(s string) string {
			var lines []string
			for line := range strings.SplitSeq(s, "\n") {
				if !strings.Contains(line, stage.Name) {
					lines = append(lines, line)
				}
			}
			return strings.Join(lines, "\n")
		}
		if after := listTree(t, dir, false); withoutStage(after) != withoutStage(before) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, withoutStage(after), withoutStage(before))
		}
		if err := stage.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDirectoriesInTheWay checks that a directory of the user is kept, even if it is empty, and even with Force.
func TestDirectoriesInTheWay(t *testing.T) {
	t.Parallel()
	store := newStore()
	dir := t.TempDir()
	write(t, dir, "d/name", "content")
	push(t, dir, directory("generic", "d", mediatypes.TarGzip), store)
	for _, mine := range []string{"d/name/", "d/name/deep/er/", "d/name/file"} {
		for _, force := range []bool{false, true} {
			out := filepath.Join(t.TempDir(), "out")
			if err := os.MkdirAll(filepath.Join(out, filepath.Dir(mine)), 0o777); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(mine, "/") {
				write(t, out, mine, "mine")
			}
			before := listTree(t, out, false)
			_, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, State: out + ".state", Force: force})
			if !errors.Is(err, artifact.ErrKept) || listTree(t, out, false) != before {
				t.Errorf("%s, force %t: got %v, want ErrKept; got\n%s\nwant\n%s", mine, force, err, listTree(t, out, false), before)
			}
		}
	}
}

// TestStageWritableByOthers checks that an existing stage is not used if other users can write to it or if it is a link.
func TestStageWritableByOthers(t *testing.T) {
	t.Parallel()
	store := newStore()
	dir := t.TempDir()
	write(t, dir, "d/name", "content")
	push(t, dir, directory("generic", "d", mediatypes.TarGzip), store)
	desc, err := store.Resolve(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	stage := ".davit-" + desc.Digest.Encoded()[:16]
	for name, prepare := range map[string]func(out string) error{
		"writable by all": func(out string) error {
			return errors.Join(os.Mkdir(filepath.Join(out, stage), 0o777), os.Chmod(filepath.Join(out, stage), 0o777),
				os.WriteFile(filepath.Join(out, stage, "theirs"), nil, 0o666))
		},
		"a link": func(out string) error {
			return errors.Join(os.Mkdir(filepath.Join(out, "theirs"), 0o700), os.Symlink("theirs", filepath.Join(out, stage)),
				os.WriteFile(filepath.Join(out, stage, "theirs"), nil, 0o666))
		},
	} {
		out := t.TempDir()
		if err := prepare(out); err != nil {
			t.Fatal(err)
		}
		if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(filepath.Join(out, "d/name")); string(b) != "content" {
			t.Errorf("%s: got %q, %v, want content", name, b, err)
		}
		if entries, err := os.ReadDir(filepath.Join(out, stage)); err != nil || len(entries) != 1 {
			t.Errorf("%s: the existing stage: got %v, %v, want only the file in it", name, entries, err)
		}
	}
}
