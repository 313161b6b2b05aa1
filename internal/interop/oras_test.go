//go:build clients

package interop

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
)

// TestOrasReadsDavit pushes files and directories with davit, and pulls them with oras, which unpacks the directories.
func TestOrasReadsDavit(t *testing.T) {
	t.Parallel()
	for kind, leftOut := range map[string][]string{"generic": {"settings/greeting.yaml.bak"}, "docs": nil, "model": nil} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			oras := clients.New(t, "oras")
			ref := repo(t, kind) + ":v1"
			push(t, example(kind), "", ref)
			out := t.TempDir()
			oras.Run("pull", "--plain-http", "-o", out, ref)
			wantFiles(t, readFiles(t, out), without(readFiles(t, example(kind)), append(leftOut, "davit.yaml")...))
		})
	}
}

// TestDavitReadsOras pulls an artifact that oras pushed, with a file and with a directory, which oras marks with annotations.
func TestDavitReadsOras(t *testing.T) {
	t.Parallel()
	oras := clients.New(t, "oras")
	want := map[string]string{"a.txt": "a\n", "d/b.txt": "b\n", "d/sub/c.txt": "c\n"}
	for name, data := range want {
		file := filepath.Join(oras.Home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ref := repo(t, "files") + ":v1"
	oras.Run("push", "--plain-http", ref, "a.txt", "d")
	wantKind(t, ref, "generic")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dir), want)
}
