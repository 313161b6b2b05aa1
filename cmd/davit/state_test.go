package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPullStateFollowsItsDirectory(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir := filepath.Join(t.TempDir(), "a b", "100%")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	state := pullState(dir)
	if err := os.WriteFile(state, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := pullState(dir + "/../100%/."); again != state || !fileExists(state) {
		t.Errorf("%q by another way is %q", state, again)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if pullState(t.TempDir()); fileExists(state) {
		t.Error("the state of a directory that is gone is still there")
	}
	if long := stateName("/" + strings.Repeat("ä", 2000)); len(long) > 200 {
		t.Errorf("a name of %d bytes", len(long))
	}
}
