package artifact

import (
	"bytes"
	goflag "flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/mediatypes"
)

var update = goflag.Bool("update", false, "write the golden files and the generated examples")

const examples = "../examples"

// exampleFiles are the binary files of the examples; they are made here, so that everybody can see what is in them.
func exampleFiles() map[string][]byte {
	return map[string][]byte{
		"model/tiny-llama.gguf":                             formattest.TinyLlama().Bytes(),
		"wasm/greeting.wasm":                                formattest.GreetingModule(),
		"modelkit/models/tiny-llama.gguf":                   formattest.TinyLlama().Bytes(),
		"modelpack/model/model.safetensors":                 formattest.Safetensors(formattest.TinySafetensors, 14),
		"bottle/greeting--1.2.3.arm64_sonoma.bottle.tar.gz": greetingBottle("arm64"),
		"bottle/greeting--1.2.3.x86_64_linux.bottle.tar.gz": greetingBottle("x86_64"),
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

// TestDetectFindsEveryExample detects the kind of each example from its files alone.
func TestDetectFindsEveryExample(t *testing.T) {
	t.Parallel()
	for _, kind := range mediatypes.All() {
		if !slices.ContainsFunc(kind.Layers, func(l mediatypes.LayerType) bool { return l.Tells }) {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			root, err := os.OpenRoot(filepath.Join(examples, kind.Name))
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
			spec, notes, err := Detect(root.FS(), paths, "")
			if err != nil {
				t.Fatal(err)
			}
			if spec.Kind != kind.Name || len(notes) == 0 {
				t.Errorf("%q is kind %q by %q", paths, spec.Kind, notes)
			}
		})
	}
}

// TestStarterFitsEveryExample makes a davit.yaml for the files of each example: its kind is found out, and it composes as
// it is.
func TestStarterFitsEveryExample(t *testing.T) {
	t.Parallel()
	for _, kind := range mediatypes.All() {
		if kind.ReadOnly {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			root, err := os.OpenRoot(examples)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			data, err := Starter(root.FS(), kind.Name, "")
			if err != nil {
				t.Fatal(err)
			}
			spec, err := Parse("davit.yaml", data)
			if err != nil {
				t.Fatal(err)
			}
			if spec.Kind != kind.Name || len(spec.Layers) == 0 {
				t.Errorf("got\n%s", data)
			}
		})
	}
}
