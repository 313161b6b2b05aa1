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
		n := 0
		for _, r := range reg.Requests() {
			if r.Op == "GET manifest" {
				n++
			}
		}
		return n
	}
	push("1\n")
	for _, tt := range []struct {
		content string
		flags   []string
		want    int
	}{{"2\n", []string{"-q"}, 0}, {"3\n", nil, 2}, {"3\n", nil, 0}, {"3\n", []string{"-q"}, 0}} {
		if got := push(tt.content, tt.flags...); got != tt.want {
			t.Errorf("%q, %q: the push read %d manifests, want %d: %v", tt.content, tt.flags, got, tt.want, ops(reg))
		}
	}
}
