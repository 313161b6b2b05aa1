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

// TestRoutesOfModels checks that a directory has the same layers whether the user names it or, with * in a shell, its visible
// entries.
func TestRoutesOfModels(t *testing.T) {
	t.Parallel()
	tiny := string(formattest.TinyLlama().Bytes())
	checkpoint := map[string]string{
		"m-Q4_K_M.gguf": tiny, "config.json": "{}", "README.md": "# m\n", "sub/tokenizer.json": "{}", "sub/.env": "s", ".git/config": "s",
		"more/m-Q8_0.gguf": tiny,
	}
	for name, declaration := range map[string]map[string]string{
		"files":       nil,
		"a Modelfile": {"Modelfile": "NAME t\nMODEL m-Q4_K_M.gguf\nDOC README.md\n"},
		"a Kitfile":   {"Kitfile": "manifestVersion: 1.0.0\nmodel: {path: m-Q4_K_M.gguf}\ncode: [{path: sub}]\n"},
		".kitignore":  {".kitignore": "more\nREADME.md\n"},
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
				t.Errorf("%s, kind %q: the directory has the layers\n%s\nits entries\n%s", name, kind, whole, named)
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
