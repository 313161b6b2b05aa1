package wasm

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/format/wasm"
	"github.com/davit-oci/davit/internal/tree"
)

// isWasm recognizes a WebAssembly binary by its first bytes.
func isWasm(s *tree.Sample) (string, bool) {
	return `begins with \0asm`, strings.HasPrefix(string(s.Head()), "\x00asm")
}

// wasmFault returns why runtimes reject a file with the name of a WebAssembly binary.
func wasmFault(s *tree.Sample) error {
	_, err := tree.Inspect(s.FS, s.Path, wasm.Read)
	var about *spec.Error
	if errors.As(err, &about) {
		return about.Err // the caller names the file
	}
	return err
}

// derive makes the config of the CNCF format. Clients require a creation time, so the default is the Unix epoch.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if len(d.Layers) != 1 {
		return nil, nil // reported elsewhere
	}
	f, err := tree.Inspect(d.FS, d.Layers[0].Path, wasm.Read)
	if err != nil {
		return nil, err
	}
	if d.Layers[0].MediaType == contentLayer {
		if len(d.Spec.Config) > 0 {
			return nil, fmt.Errorf("config: must be empty with media type %s", contentLayer)
		}
		d.ConfigType = contentConfig
		d.Notes = append(d.Notes, WasmNote(f, d.Layers[0].Path))
		return configblob.Constant(struct{}{})
	}
	config := map[string]any{"author": nil, "architecture": "wasm", "os": f.OS(), "created": "1970-01-01T00:00:00Z"}
	if !d.Created.IsZero() {
		config["created"] = d.Created.UTC().Format(time.RFC3339)
	}
	if f.Component {
		config["component"] = map[string]any{"exports": nonNil(f.Exports), "imports": nonNil(f.Imports), "target": nil}
	} else if d.Spec.Config["component"] != nil {
		return nil, fmt.Errorf("config: %q is a core module; only components have a component field", d.Layers[0].Path)
	}
	d.Notes = append(d.Notes, WasmNote(f, d.Layers[0].Path))
	config = d.Overlay(config)
	return func(layers []spec.Packed) (spec.Finished, error) {
		config := maps.Clone(config)
		config["layerDigests"] = configblob.BlobDigests(layers)
		encoded, err := configblob.Encode(config)
		return spec.Finished{Config: encoded}, err
	}, nil
}

// WasmNote returns a note that says whether a binary is a core module or a component, and for which version of WASI.
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

// nonNil returns names, or an empty list instead of nil, so that JSON has [].
func nonNil(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
