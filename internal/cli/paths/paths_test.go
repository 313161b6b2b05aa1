package paths_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
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

// TestParse checks which arguments mean a directory or file if they are not references.
func TestParse(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"m2/a", "models/m2/a", "my model/x y.txt", "tiny.v1/a", "localhost/a", "notes.txt", "web-1.0.tgz", "deadbeef/a",
		"oci/oci-layout", "rest/blobs/a", "layouts/a/oci-layout", "app.tar", "new:1/a", "host.example.com/app/a"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"m2", "m2/", "models/m2", "my model", "my model/x y.txt", "tiny.v1", "localhost", "notes.txt", "web-1.0.tgz",
		"deadbeef", "layouts", "m2/a"} {
		ref, err := paths.Parse(name, registry.Parse)
		if want := (registry.Reference{Path: "./" + name}); err != nil || ref != want {
			t.Errorf("%s: got %#v, %v, want %#v", name, ref, err, want)
		}
	}
	for _, name := range []string{"nosuch", "oci", "oci:1", "rest", "app.tar", "new:1", "m2:1", "busybox", ""} {
		if ref, err := paths.Parse(name, registry.Parse); err == nil {
			t.Errorf("%s: got %#v, want an error", name, ref)
		}
	}
	for _, name := range []string{"host.example.com/app", "./m2", "./oci:1", dir + "/m2", "localhost/a"} {
		ref, err := paths.Parse(name, registry.Parse)
		if want, _ := registry.Parse(name); err != nil || ref != want {
			t.Errorf("%s: got %#v, %v, want %#v", name, ref, err, want)
		}
	}
}

// TestParseNeither checks the errors about arguments that neither exist nor are references: they say both, with a similar path or reference.
func TestParseNeither(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"models/m2/a", "notes.txt", "oci/oci-layout"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const neither, noRegistry, noRepository = ": no such file or directory, and not a reference: ", "the registry is missing", "the repository is missing"
	for arg, want := range map[string]struct {
		err, hint string
		code      exit.Code
	}{
		"nothere":      {`"nothere"` + neither + noRegistry, `did you mean "docker.io/library/nothere"?`, exit.BadUsage},
		"not/here:1.0": {`"not/here:1.0"` + neither + noRegistry, `did you mean "docker.io/not/here:1.0"?`, exit.BadUsage},
		"nothere.tar":  {`"nothere.tar"` + neither + noRegistry, "", exit.BadUsage},
		"Not There":    {`"Not There"` + neither + noRegistry, "", exit.BadUsage},
		"model":        {`"model"` + neither + noRegistry, `did you mean "models"?`, exit.BadUsage},
		"models/m3":    {`"models/m3"` + neither + noRegistry, `did you mean "models/m2"?`, exit.BadUsage},
		"note.txt":     {`"note.txt"` + neither + noRepository, `did you mean "notes.txt"?`, exit.BadUsage},
		"example.com":  {`"example.com"` + neither + noRepository, `did you mean "example.com/NAME"? A path begins with ./ or /`, exit.BadUsage},
		"oci:1":        {`reference "oci:1": ` + noRegistry, `did you mean the path "./oci:1"?`, exit.BadUsage},
		"./nothere":    {`"./nothere": no such file or directory`, "", exit.NotFound},
		"./model":      {`"./model": no such file or directory`, `did you mean "./models"?`, exit.NotFound},
		dir + "/oc":    {`"` + dir + `/oc": no such file or directory`, `did you mean "` + dir + `/oci"?`, exit.NotFound},
	} {
		_, err := paths.Parse(arg, registry.Parse)
		if err == nil || err.Error() != want.err || strings.Join(exit.Hints(err), " ") != want.hint || exit.Of(err) != want.code {
			t.Errorf("%s: got %v, hints %q, exit code %d; want %s, %q, %d", arg, err, exit.Hints(err), exit.Of(err), want.err, want.hint, want.code)
		}
	}
	for _, arg := range []string{"./nothere:1", "./nothere.tar", "./oci:team/app"} { // opening it reports more
		if ref, err := paths.Parse(arg, registry.Parse); err != nil || !ref.IsPath() {
			t.Errorf("%s: got %#v, %v, want a path", arg, ref, err)
		}
	}
}
