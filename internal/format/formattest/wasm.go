package formattest

// The preambles of a core module and of a component.
const (
	WasmModule    = "\x00asm\x01\x00\x00\x00"
	WasmComponent = "\x00asm\x0d\x00\x01\x00"
)

// WasmSection encodes a section of at most 127 bytes.
func WasmSection(id byte, body string) string {
	return string([]byte{id, byte(len(body))}) + body
}

// WasmName encodes a string of at most 127 bytes.
func WasmName(s string) string { return string(rune(len(s))) + s }

// TinyModule returns a module that imports from WASI and another module, and exports _start and a memory.
func TinyModule() []byte {
	imports := "\x04" + WasmName("wasi_snapshot_preview1") + WasmName("fd_write") + "\x00\x00" +
		WasmName("env") + WasmName("table") + "\x01\x70\x01\x00\x10" +
		WasmName("env") + WasmName("memory") + "\x02\x00\x01" +
		WasmName("env") + WasmName("g") + "\x03\x64\x00\x00"
	exports := "\x02" + WasmName("_start") + "\x00\x00" + WasmName("memory") + "\x02\x00"
	return []byte(WasmModule + WasmSection(0, "\x04name\x00") + WasmSection(2, imports) + WasmSection(7, exports))
}

// TinyComponent returns a component that imports an instance and a function and exports an instance.
func TinyComponent() []byte {
	imports := "\x02\x00" + WasmName("wasi:io/streams@0.2.0") + "\x05\x00" + "\x02" + WasmName("log") + "\x00" + "\x01\x01"
	exports := "\x01\x00" + WasmName("wasi:http/incoming-handler@0.2.1") + "\x05\x00" + "\x01\x05\x00"
	return []byte(WasmComponent + WasmSection(10, imports) + WasmSection(11, exports))
}

// GreetingModule returns a command for WASI preview 1 that writes "hello". It is the module in examples/wasm.
func GreetingModule() []byte {
	iovec := "\x08\x00\x00\x00\x06\x00\x00\x00"
	code := "\x00\x41\x01\x41\x00\x41\x01\x41\x14\x10\x00\x1a\x0b" // fd_write(1, 0, 1, 20)
	return []byte(WasmModule +
		WasmSection(1, "\x02\x60\x04\x7f\x7f\x7f\x7f\x01\x7f\x60\x00\x00") +
		WasmSection(2, "\x01"+WasmName("wasi_snapshot_preview1")+WasmName("fd_write")+"\x00\x00") +
		WasmSection(3, "\x01\x01") +
		WasmSection(5, "\x01\x00\x01") +
		WasmSection(7, "\x02"+WasmName("memory")+"\x02\x00"+WasmName("_start")+"\x00\x01") +
		WasmSection(10, "\x01"+WasmName(code)) +
		WasmSection(11, "\x01\x00\x41\x00\x0b"+WasmName(iovec+"hello\n")))
}
