package artifact

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/format/wasm"
)

// isWasm finds a WebAssembly binary by its first bytes.
func isWasm(s *sample) (string, bool) {
	return `begins with \0asm`, strings.HasPrefix(string(s.begin()), "\x00asm")
}

// wasmFault says why no runtime takes a file that is named as a WebAssembly binary.
func wasmFault(s *sample) error {
	_, err := inspectFile(s.fsys, s.path, wasm.Read)
	var about *Error
	if errors.As(err, &about) {
		return about.Err // whoever reports it names the file
	}
	return err
}

// wasmConfig makes CNCF's wasm config. Its readers require a time of creation, so there is one always: the beginning of
// time where none is given.
func wasmConfig(c *composition) (finishFunc, error) {
	if len(c.layers) != 1 {
		return nil, nil // a problem already
	}
	f, err := inspectFile(c.fsys, c.layers[0].Path, wasm.Read)
	if err != nil {
		return nil, err
	}
	config := map[string]any{"author": nil, "architecture": "wasm", "os": f.OS(), "created": "1970-01-01T00:00:00Z"}
	if !c.created.IsZero() {
		config["created"] = c.created.UTC().Format(time.RFC3339)
	}
	if f.Component {
		config["component"] = map[string]any{"exports": listed(f.Exports), "imports": listed(f.Imports), "target": nil}
	} else if c.spec.Config["component"] != nil {
		return nil, fmt.Errorf("config: %q is a core module, only components have a component field", c.layers[0].Path)
	}
	c.notes = append(c.notes, wasmNote(f, c.layers[0].Path))
	config = c.overlay(config)
	return func(layers []Packed) (Finished, error) {
		config := maps.Clone(config)
		config["layerDigests"] = blobDigests(layers)
		encoded, err := encodeJSON(config)
		return Finished{Config: encoded}, err
	}, nil
}

// wasmNote says what a binary is.
func wasmNote(f *wasm.File, name string) string {
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
