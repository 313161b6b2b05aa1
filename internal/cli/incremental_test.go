//go:build clients

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/go-digest"
)

// TestSmallChangeMovesLittle changes, adds, or deletes one file of a large directory, and pushes and pulls the directory again. That
// must transfer less than 3 % of the bytes of the first push and pull, and the pulled directory must equal the pushed one.
func TestSmallChangeMovesLittle(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	tree, out := filepath.Join(dir, "tree"), filepath.Join(dir, "out")
	createLargeTree(t, tree)
	reg := registrytest.Start(t, registrytest.Options{})
	ref := reg.Host + "/app:1"
	move := func() (sent, fetched int64) {
		t.Helper()
		reg.ResetLog()
		davit(t, "push", "--kind", "volume", tree, ref, "-q")
		for _, r := range reg.Requests() {
			sent += r.In
		}
		reg.ResetLog()
		davit(t, "pull", ref, "-o", out, "--delete", "-q")
		for _, r := range reg.Requests() {
			fetched += r.Out
		}
		return sent, fetched
	}
	wholeSent, wholeFetched := move()
	for what, change := range map[string]func(){
		"a changed file": func() { writeFile(t, filepath.Join(tree, "d007/f00107"), "changed") },
		"a new file":     func() { writeFile(t, filepath.Join(tree, "d150/new"), "new") },
		"a deleted file": func() { removeFile(t, filepath.Join(tree, "d099/f00099")) },
	} {
		change()
		sent, fetched := move()
		t.Logf("%s: %d of %d bytes sent, %d of %d fetched", what, sent, wholeSent, fetched, wholeFetched)
		if sent*100 >= 3*wholeSent || fetched*100 >= 3*wholeFetched {
			t.Errorf("%s: sent %.2f %% and fetched %.2f %%, want less than 3 %%", what, 100*float64(sent)/float64(wholeSent), 100*float64(fetched)/float64(wholeFetched))
		}
	}
	compareTrees(t, out, tree)
}

// createLargeTree creates 20,000 files in 200 directories. Most of their 440 MB are zeros, so that packing them is fast.
func createLargeTree(t *testing.T, tree string) {
	t.Helper()
	for i := range 20_000 {
		name := filepath.Join(tree, fmt.Sprintf("d%03d", i%200), fmt.Sprintf("f%05d", i))
		writeFile(t, name, noise(512, uint64(i))+fmt.Sprint(i))
		if err := os.Truncate(name, 22_000); err != nil {
			t.Fatal(err)
		}
	}
}

func removeFile(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// compareTrees compares names and contents.
func compareTrees(t *testing.T, got, want string) {
	t.Helper()
	a, b := treeFiles(t, got), treeFiles(t, want)
	for name, data := range b {
		if a[name] != data {
			t.Errorf("%s differs or is missing", name)
		}
	}
	if len(a) != len(b) {
		t.Errorf("got %d files, want %d", len(a), len(b))
	}
}

// treeFiles returns the regular files below a directory, and their digests.
func treeFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		found[name[len(dir):]] = digest.FromBytes(data).String()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
