package wasm

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/wasm"
	"github.com/davit-oci/davit/internal/tree"
)

// isWasm finds a WebAssembly binary by its first bytes.
func isWasm(s *tree.Sample) (string, bool) {
	return `begins with \0asm`, strings.HasPrefix(string(s.Head()), "\x00asm")
}

// wasmFault says why no runtime takes a file that is named as a WebAssembly binary.
func wasmFault(s *tree.Sample) error {
	_, err := tree.Inspect(s.FS, s.Path, wasm.Read)
	var about *spec.Error
	if errors.As(err, &about) {
		return about.Err // whoever reports it names the file
	}
	return err
}

// derive makes CNCF's wasm config. Its readers require a time of creation, so there is one always: the beginning of
// time where none is given.
func derive(d *compose.Draft) (compose.Finish, error) {
	if len(d.Layers) != 1 {
		return nil, nil // a problem already
	}
	f, err := tree.Inspect(d.FS, d.Layers[0].Path, wasm.Read)
	if err != nil {
		return nil, err
	}
	config := map[string]any{"author": nil, "architecture": "wasm", "os": f.OS(), "created": "1970-01-01T00:00:00Z"}
	if !d.Created.IsZero() {
		config["created"] = d.Created.UTC().Format(time.RFC3339)
	}
	if f.Component {
		config["component"] = map[string]any{"exports": listed(f.Exports), "imports": listed(f.Imports), "target": nil}
	} else if d.Spec.Config["component"] != nil {
		return nil, fmt.Errorf("config: %q is a core module, only components have a component field", d.Layers[0].Path)
	}
	d.Notes = append(d.Notes, WasmNote(f, d.Layers[0].Path))
	config = d.Overlay(config)
	return func(layers []spec.Packed) (spec.Finished, error) {
		config := maps.Clone(config)
		config["layerDigests"] = compose.BlobDigests(layers)
		encoded, err := compose.EncodeJSON(config)
		return spec.Finished{Config: encoded}, err
	}, nil
}

// WasmNote says what a binary is.
func WasmNote(f *wasm.File, name string) string {
	what := "core module"
	if f.Component {
		what = "component"
	}
	if v := f.WASI(); v != "" {
		what += " for WASI " + v
	}
	return fmt.Sprintf("wasm: %s is a %s", name, what)
}

// listed is a list that is written as [] when it is empty.
func listed(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
