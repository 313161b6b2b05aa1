package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
)

// TestMovedRequests checks that the warning about a tag that moves to another artifact takes one request for each moved tag, and none
// with --quiet or if no tag moves.
func TestMovedRequests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	reg := registrytest.Start(t, registrytest.Options{})
	push := func(content string, flags ...string) int {
		name := filepath.Join(dir, "app.txt")
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		reg.ResetLog()
		davit(t, append([]string{"push", name, reg.Host + "/app:1", "--tag", "2"}, flags...)...)
		return reg.Count()
	}
	push("1\n")
	quiet := push("2\n", "-q")
	if got := push("3\n"); got != quiet+2 {
		t.Errorf("a push that moves two tags took %d requests, want %d: %v", got, quiet+2, ops(reg))
	}
	again, quietly := push("3\n"), push("3\n", "-q")
	if again != quietly {
		t.Errorf("a push that moves no tag took %d requests, want %d", again, quietly)
	}
}
