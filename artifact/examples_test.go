package artifact_test

import (
	"bytes"
	goflag "flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
)

var update = goflag.Bool("update", false, "write the golden files and the generated examples")

func TestGeneratedExampleFilesAreCurrent(t *testing.T) {
	t.Parallel()
	for name, want := range kindtest.ExampleFiles() {
		file := filepath.Join(kindtest.Examples(), filepath.FromSlash(name))
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is out of date (%v): run this test with -update", name, err)
		}
	}
}

// TestEveryKindHasAnExample composes the example of each kind, and checks that its davit.yaml is the one that "davit kinds" shows.
func TestEveryKindHasAnExample(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds.Data() {
		if kind.ReadOnly {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			plan := kindtest.Example(t, kind.Name)
			if plan.Kind.Name != kind.Name {
				t.Errorf("got kind %q, want %q", plan.Kind.Name, kind.Name)
			}
			data, err := os.ReadFile(filepath.Join(kindtest.Examples(), kind.Name, "davit.yaml"))
			if err != nil || string(data) != kind.Example {
				t.Errorf("examples/%s/davit.yaml: got %q, %v, want %q", kind.Name, data, err, kind.Example)
			}
		})
	}
}

// TestDetectFindsEveryExample detects the kind of each example from its files, without its davit.yaml.
func TestDetectFindsEveryExample(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds.Data() {
		if !isDetected(kind) {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			root, err := os.OpenRoot(filepath.Join(kindtest.Examples(), kind.Name))
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			entries, err := fs.ReadDir(root.FS(), ".")
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, e := range entries {
				if e.Name() != "davit.yaml" {
					paths = append(paths, e.Name())
				}
			}
			spec, notes, err := artifact.Detect(root.FS(), paths, "")
			if err != nil {
				t.Fatal(err)
			}
			if spec.Kind != kind.Name || len(notes) == 0 {
				t.Errorf("%q: got kind %q with notes %q, want kind %q with notes", paths, spec.Kind, notes, kind.Name)
			}
		})
	}
}

// isDetected reports whether Detect can recognize a kind by its files. If not, the user must name the kind.
func isDetected(kind mediatypes.Kind) bool {
	return slices.ContainsFunc(kind.Layers, func(l mediatypes.LayerType) bool { return l.Tells })
}

// TestStarterFitsEveryExample checks that Starter writes a davit.yaml for each example. The test names the kind only if it can't be
// detected.
func TestStarterFitsEveryExample(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds.Data() {
		if kind.ReadOnly {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			root, err := os.OpenRoot(kindtest.Examples())
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			named := ""
			if !isDetected(kind) {
				named = kind.Name
			}
			dir := kind.Name
			if inner := map[string]string{"feature": "greeting", "template": "greeting-app"}[kind.Name]; inner != "" {
				dir += "/" + inner // the directory above it is a collection
			}
			data, err := artifact.Starter(root.FS(), dir, named)
			if err != nil {
				t.Fatal(err)
			}
			spec, err := artifact.Parse("davit.yaml", data)
			if err != nil {
				t.Fatal(err)
			}
			if spec.Kind != kind.Name || len(spec.Layers) == 0 {
				t.Errorf("got\n%s\nwant kind %s and layers", data, kind.Name)
			}
		})
	}
}
