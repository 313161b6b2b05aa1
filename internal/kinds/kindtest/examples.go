package kindtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/formattest"
)

// Examples returns the path of the examples directory, which is beside the go.mod above the working directory.
func Examples() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "examples")
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	return "examples"
}

// ExampleFiles returns the binary files of the examples, by path. They are generated, so that their content is known.
func ExampleFiles() map[string][]byte {
	return map[string][]byte{
		"model/tiny-llama.gguf":  formattest.TinyLlama().Bytes(),
		"ollama/tiny-llama.gguf": formattest.TinyLlama().Bytes(),
		"opentofu-provider/terraform-provider-greeting_1.2.3_linux_amd64.zip":  GreetingProvider("linux/amd64"),
		"opentofu-provider/terraform-provider-greeting_1.2.3_darwin_arm64.zip": GreetingProvider("darwin/arm64"),
		"sif/greeting.sif":                                  GreetingSIF(),
		"wasm/greeting.wasm":                                formattest.GreetingModule(),
		"modelkit/models/tiny-llama.gguf":                   formattest.TinyLlama().Bytes(),
		"modelcar/model/model.safetensors":                  formattest.Safetensors(formattest.TinySafetensors, 14),
		"modelpack/model/model.safetensors":                 formattest.Safetensors(formattest.TinySafetensors, 14),
		"bottle/greeting--1.2.3.arm64_sonoma.bottle.tar.gz": GreetingBottle("arm64"),
		"bottle/greeting--1.2.3.x86_64_linux.bottle.tar.gz": GreetingBottle("x86_64"),
	}
}

// Example returns the plan composed from examples/NAME.
func Example(t *testing.T, name string) *spec.Plan {
	t.Helper()
	root, err := os.OpenRoot(filepath.Join(Examples(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	data, err := root.ReadFile("davit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := artifact.Parse("davit.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := artifact.Compose(root.FS(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
