package artifact

import (
	"bytes"
	goflag "flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/mediatypes"
)

var update = goflag.Bool("update", false, "write the golden files and the generated examples")

const examples = "../examples"

// exampleFiles are the binary files of the examples; they are made here, so that everybody can see what is in them.
func exampleFiles() map[string][]byte {
	return map[string][]byte{
		"model/tiny-llama.gguf": tinyLlama().bytes(),
	}
}

func TestExampleFilesAreAsGenerated(t *testing.T) {
	t.Parallel()
	for name, want := range exampleFiles() {
		file := filepath.Join(examples, filepath.FromSlash(name))
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from what this test makes (%v); run it with -update", name, err)
		}
	}
}

// TestEveryKindHasAnExample composes the example of each kind; its davit.yaml is the one that "davit kinds" shows.
func TestEveryKindHasAnExample(t *testing.T) {
	t.Parallel()
	for _, kind := range mediatypes.All() {
		if kind.ReadOnly {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			plan := composeExample(t, kind.Name)
			if plan.Kind.Name != kind.Name {
				t.Errorf("got kind %q", plan.Kind.Name)
			}
			data, err := os.ReadFile(filepath.Join(examples, kind.Name, "davit.yaml"))
			if err != nil || string(data) != kind.Example {
				t.Errorf("examples/%s/davit.yaml is %q (%v), the kind shows %q", kind.Name, data, err, kind.Example)
			}
		})
	}
}

// composeExample composes examples/NAME.
func composeExample(t *testing.T, name string) *Plan {
	t.Helper()
	root, err := os.OpenRoot(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	data, err := root.ReadFile("davit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Parse("davit.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Compose(root.FS(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
