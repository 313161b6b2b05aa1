package paths_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/paths"
)

func TestSplitRepository(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"oci/oci-layout", "oci:there/oci-layout", "carry.tar", "plain/file", "oci:x.y/z/file"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for typed, want := range map[string]registry.Reference{
		"./oci:team/app":                {Path: "./oci", Repository: "team/app"},
		"./carry.tar:team/app":          {Path: "./carry.tar", Repository: "team/app"},
		dir + "/oci:team/app":           {Path: dir + "/oci", Repository: "team/app"},
		"./oci:ghcr.io/team/app":        {Path: "./oci", Registry: "ghcr.io", Repository: "team/app"},
		"./oci:there":                   {Path: "./oci", Tag: "there"},
		"./oci:x.y/z":                   {Path: "./oci", Registry: "x.y", Repository: "z"},
		"./plain:team/app":              {Path: "./plain:team/app"},
		"./nothing:team/app":            {Path: "./nothing:team/app"},
		"./oci:Team/App":                {Path: "./oci:Team/App"},
		"registry.example.com/team/app": {Registry: "registry.example.com", Repository: "team/app"},
	} {
		ref, err := registry.Parse(typed)
		if err != nil {
			t.Fatal(err)
		}
		if got := paths.SplitRepository(ref); got != want {
			t.Errorf("%s: got %#v, want %#v", typed, got, want)
		}
	}
}

func TestNeedsRootDirectory(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"/no-such-directory/app": true, "/no-such-directory": false, t.TempDir() + "/a/b": false, "./no-such-directory/app": false,
	} {
		if got := paths.NeedsRootDirectory(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
