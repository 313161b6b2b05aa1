package wasm

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Media types of Kubewarden, and of clients older than the CNCF format. An artifact with a layer of this type is accepted by
// Kubewarden (crates/policy-fetcher of kubewarden-controller).
const (
	contentLayer  = "application/vnd.wasm.content.layer.v1+wasm"
	contentConfig = "application/vnd.wasm.config.v1+json"
)

// data describes a WebAssembly module or component.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "wasm",
		Summary: "a WebAssembly module or component (kind image packs one for runtimes that want a container image)",
		Identity: mediatypes.Identity{
			Types: []string{
				contentConfig, contentLayer,
				"application/vnd.module.wasm.config.v1+json", "application/vnd.module.wasm.content.layer.v1+wasm",
			},
		},
		Config: mediatypes.Config{
			MediaType: mediatypes.WasmConfig,
			Derive:    "wasm",
			Schema: kind.ObjectField(map[string]any{
				"author": kind.StringField("name of the author"),
				"os":     map[string]any{"enum": []any{"wasip1", "wasip2"}, "description": "wasip1 for modules, wasip2 for components; read from the binary"},
				"component": kind.ObjectField(map[string]any{
					"exports": kind.StringsField("read from the binary"),
					"imports": kind.StringsField("read from the binary"),
					"target":  kind.StringField("world that the component targets, such as wasi:http/proxy@0.2.0"),
				}),
			}),
		},
		Layers:  []mediatypes.LayerType{{Role: "wasm", MediaType: mediatypes.WasmLayer, Match: []string{"*.wasm"}, Content: "wasm", Claims: []string{"*.wasm"}, Min: 1, Max: 1, Tells: true}},
		Clients: []string{"wkg", "runwasi", "wasm-pkg-tools"},
		Example: `kind: wasm
name: greeting
version: 1.0.0
layers: [greeting.wasm]
`,
	}
}
