package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/app"
)

func TestPullStateBesideItsDirectory(t *testing.T) {
	dir := filepath.Join(realDir(t), "a b", "100%")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(filepath.Dir(dir), ".100%.davit.json")
	for _, way := range []string{dir, dir + "/../100%/."} {
		if got := pullState(way); got != want {
			t.Errorf("pullState(%q) = %q, want %q", way, got, want)
		}
	}
}

func TestPullStateOfTheWorkingDirectory(t *testing.T) {
	states := t.TempDir()
	t.Setenv("XDG_STATE_HOME", states)
	dir := filepath.Join(realDir(t), "work")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	state := pullState(".")
	if !strings.HasPrefix(state, states) || pullState(dir) != state {
		t.Errorf("state in %q, want it below %q", state, states)
	}
	if err := os.WriteFile(state, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if pullState("."); app.FileExists(state) {
		t.Error("the record of a removed directory still exists")
	}
	if long := stateName("/" + strings.Repeat("ä", 2000)); len(long) > 200 {
		t.Errorf("a name of %d bytes", len(long))
	}
}

// realDir is a temporary directory without links in its path.
func realDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
