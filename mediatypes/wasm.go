package mediatypes

// The types of CNCF's wasm layout.
const (
	WasmConfig = "application/vnd.wasm.config.v0+json"
	WasmLayer  = "application/wasm"
)
