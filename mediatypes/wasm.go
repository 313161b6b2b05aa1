package mediatypes

// The types of CNCF's WebAssembly artifact layout.
const (
	WasmConfig = "application/vnd.wasm.config.v0+json"
	WasmLayer  = "application/wasm"
)
