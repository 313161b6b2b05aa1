package mediatypes

// The types of CNCF's wasm layout.
const (
	WasmConfig = "application/vnd.wasm.config.v0+json"
	WasmLayer  = "application/wasm"
)

// wasm is one WebAssembly module or component.
var wasm = Kind{
	Name:    "wasm",
	Summary: "a WebAssembly module or component (kind image packs one for runtimes that want a container image)",
	Types: []string{
		"application/vnd.wasm.config.v1+json", "application/vnd.wasm.content.layer.v1+wasm",
		"application/vnd.module.wasm.config.v1+json", "application/vnd.module.wasm.content.layer.v1+wasm",
	},
	Config: Config{
		MediaType: WasmConfig,
		Derive:    "wasm",
		Schema: objectField(map[string]any{
			"author": stringField("who made it"),
			"os":     map[string]any{"enum": []any{"wasip1", "wasip2"}, "description": "wasip1 for modules, wasip2 for components; read from the binary"},
			"component": objectField(map[string]any{
				"exports": stringsField("read from the binary"),
				"imports": stringsField("read from the binary"),
				"target":  stringField("the world it is made for: wasi:http/proxy@0.2.0"),
			}),
		}),
	},
	Layers:  []LayerType{{Role: "wasm", MediaType: WasmLayer, Match: []string{"*.wasm"}, Content: "wasm", Claims: []string{"*.wasm"}, Min: 1, Max: 1, Tells: true}},
	Clients: []string{"wkg", "runwasi", "wasm-pkg-tools"},
	Example: `kind: wasm
name: greeting
version: 1.0.0
layers: [greeting.wasm]
`,
}
