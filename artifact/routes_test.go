package artifact_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/formattest"
)

// TestDirectoryOrItsEntries checks that a model has the same layers whether the user names its directory or, with * in a shell, the
// visible entries of the directory.
func TestDirectoryOrItsEntries(t *testing.T) {
	t.Parallel()
	tiny := string(formattest.TinyLlama().Bytes())
	checkpoint := map[string]string{
		"m-Q4_K_M.gguf": tiny, "config.json": "{}", "README.md": "# m\n", "sub/tokenizer.json": "{}", "sub/.env": "s", ".git/config": "s",
		"more/m-Q8_0.gguf": tiny,
	}
	for name, declaration := range map[string]map[string]string{
		"no declaration": nil,
		"a Modelfile":    {"Modelfile": "NAME t\nMODEL m-Q4_K_M.gguf\nDOC README.md\n"},
		"a Kitfile":      {"Kitfile": "manifestVersion: 1.0.0\nmodel: {path: m-Q4_K_M.gguf}\ncode: [{path: sub}]\n"},
		".kitignore":     {".kitignore": "more\nREADME.md\n"},
	} {
		fsys := newFS(".", checkpoint, declaration)
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			t.Fatal(err)
		}
		var visible []string
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				visible = append(visible, e.Name())
			}
		}
		for _, kind := range []string{"", "model", "modelpack", "modelkit"} {
			whole, named := layersOf(composeDetected(t, fsys, kind, ".")), layersOf(composeDetected(t, fsys, kind, visible...))
			if !slices.Equal(whole, named) {
				t.Errorf("%s, kind %q: the directory: got layers\n%s\nits entries: got layers\n%s\nwant the same", name, kind, whole, named)
			}
		}
	}
}

// layersOf lists the kind and the layers of a plan.
func layersOf(plan *artifact.Plan) []string {
	lines := []string{plan.Kind.Name}
	for _, l := range plan.Layers {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", l.Role, l.MediaType, l.Title, l.Path))
	}
	return lines
}
