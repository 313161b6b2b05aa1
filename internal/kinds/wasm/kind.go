// Package wasm implements the kind for WebAssembly binaries.
package wasm

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of WebAssembly binaries.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Native: []string{"wkg oci pull {ref}"},
		Derive: derive,
		Tests: map[string]roles.Test{
			"wasm": {Expects: "a WebAssembly binary", Find: isWasm, Fault: wasmFault},
		},
	}
}
