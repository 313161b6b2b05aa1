//go:build clients

package interop

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
)

// TestOrasReadsDavit pulls with oras what davit packed: files, and directories that oras unpacks.
func TestOrasReadsDavit(t *testing.T) {
	t.Parallel()
	for kind, left := range map[string][]string{"generic": {"settings/greeting.yaml.bak"}, "docs": nil, "model": nil} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			oras := clients.New(t, "oras")
			ref := repo(t, kind) + ":v1"
			push(t, example(kind), "", ref)
			out := t.TempDir()
			oras.Run("pull", "--plain-http", "-o", out, ref)
			sameFiles(t, files(t, out), without(files(t, example(kind)), append(left, "davit.yaml")...))
		})
	}
}

// TestDavitReadsOras pulls what oras pushed: a file, and a directory with its annotations.
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
	dir, _ := pulled(t, ref, pull.Options{NoSync: true})
	sameFiles(t, files(t, dir), want)
}
