package artifact

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

const (
	moduleHeader    = "\x00asm\x01\x00\x00\x00"
	componentHeader = "\x00asm\x0d\x00\x01\x00"
)

// wasmSection frames a section; short sections only.
func wasmSection(id byte, body string) string {
	return string([]byte{id, byte(len(body))}) + body
}

// wasmName is a string with its length before it.
func wasmName(s string) string { return string(rune(len(s))) + s }

// tinyModule imports from WASI and exports what a command has.
func tinyModule() []byte {
	imports := "\x04" + wasmName("wasi_snapshot_preview1") + wasmName("fd_write") + "\x00\x00" +
		wasmName("env") + wasmName("table") + "\x01\x70\x01\x00\x10" +
		wasmName("env") + wasmName("memory") + "\x02\x00\x01" +
		wasmName("env") + wasmName("g") + "\x03\x64\x00\x00"
	exports := "\x02" + wasmName("_start") + "\x00\x00" + wasmName("memory") + "\x02\x00"
	return []byte(moduleHeader + wasmSection(0, "\x04name\x00") + wasmSection(2, imports) + wasmSection(7, exports))
}

// tinyComponent imports an instance and a function and exports an instance.
func tinyComponent() []byte {
	imports := "\x02\x00" + wasmName("wasi:io/streams@0.2.0") + "\x05\x00" + "\x02" + wasmName("log") + "\x00" + "\x01\x01"
	exports := "\x01\x00" + wasmName("wasi:http/incoming-handler@0.2.1") + "\x05\x00" + "\x01\x05\x00"
	return []byte(componentHeader + wasmSection(10, imports) + wasmSection(11, exports))
}

func readWasmBytes(b []byte) (*wasmFile, error) {
	return readWasm(bytes.NewReader(b), int64(len(b)))
}

func TestReadWasm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data             []byte
		os, wasi         string
		imports, exports []string
	}{
		"module": {tinyModule(), "wasip1", "preview1",
			[]string{"wasi_snapshot_preview1", "env"}, []string{"_start", "memory"}},
		"component": {tinyComponent(), "wasip2", "0.2.0",
			[]string{"wasi:io/streams@0.2.0", "log"}, []string{"wasi:http/incoming-handler@0.2.1"}},
		"empty module": {[]byte(moduleHeader), "wasip1", "", nil, nil},
		"an encoding that is not known ends the list": {
			[]byte(componentHeader + wasmSection(10, "\x02\x00"+wasmName("a")+"\x01\x00"+"\x77"+wasmName("b")+"\x01\x00")),
			"wasip2", "", []string{"a"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := readWasmBytes(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			if f.OS() != tt.os || f.WASI() != tt.wasi || !slices.Equal(f.Imports, tt.imports) || !slices.Equal(f.Exports, tt.exports) {
				t.Errorf("got %s %q, imports %q, exports %q", f.OS(), f.WASI(), f.Imports, f.Exports)
			}
		})
	}
}

func TestReadWasmRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ data, want string }{
		"empty":                 {"", "not a WebAssembly binary"},
		"text format":           {"(module)", "not a WebAssembly binary"},
		"unknown version":       {"\x00asm\x02\x00\x00\x00", "neither a module"},
		"section cut":           {moduleHeader + "\x02\x7f\x00", "section 2 ends at byte 137, the file has 11"},
		"section header cut":    {moduleHeader + "\x02", "inside a section header"},
		"length without end":    {moduleHeader + "\x02" + strings.Repeat("\xff", 12), "inside a section header"},
		"more entries":          {moduleHeader + wasmSection(7, "\x7f"), "more entries than bytes"},
		"a name beyond section": {moduleHeader + wasmSection(7, "\x01\x20a"), "more entries than bytes"},
		"a huge name":           {moduleHeader + wasmSection(7, "\x01\xff\xff\xff\xff\x0f"), "a name of 4294967295 bytes"},
		"a name not UTF-8":      {moduleHeader + wasmSection(7, "\x01\x01\xff\x00\x00"), "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := readWasmBytes([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func FuzzReadWasm(f *testing.F) {
	f.Add(tinyModule())
	f.Add(tinyComponent())
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := readWasmBytes(b)
		if err != nil {
			return
		}
		kept := 0
		for _, name := range slices.Concat(w.Imports, w.Exports) {
			kept += len(name)
		}
		if kept > len(b) || len(w.Imports) > maxWasmNames || len(w.Exports) > maxWasmNames {
			t.Errorf("%d bytes of names out of %d", kept, len(b))
		}
	})
}

// greetingModule is a command for WASI preview 1 that writes "hello": examples/wasm and examples of others hold it.
func greetingModule() []byte {
	iovec := "\x08\x00\x00\x00\x06\x00\x00\x00"
	code := "\x00\x41\x01\x41\x00\x41\x01\x41\x14\x10\x00\x1a\x0b" // fd_write(1, 0, 1, 20)
	return []byte(moduleHeader +
		wasmSection(1, "\x02\x60\x04\x7f\x7f\x7f\x7f\x01\x7f\x60\x00\x00") +
		wasmSection(2, "\x01"+wasmName("wasi_snapshot_preview1")+wasmName("fd_write")+"\x00\x00") +
		wasmSection(3, "\x01\x01") +
		wasmSection(5, "\x01\x00\x01") +
		wasmSection(7, "\x02"+wasmName("memory")+"\x02\x00"+wasmName("_start")+"\x00\x01") +
		wasmSection(10, "\x01"+wasmName(code)) +
		wasmSection(11, "\x01\x00\x41\x00\x0b"+wasmName(iovec+"hello\n")))
}

func TestWasmConfig(t *testing.T) {
	t.Parallel()
	plan := composeExample(t, "wasm")
	config := func(files map[string]string, yaml string) string {
		plan, err := compose(t, files, yaml)
		if err != nil {
			t.Fatal(err)
		}
		return string(finished(t, plan).Config)
	}
	layer := digest.FromString("greeting.wasmgreeting.wasm")
	wantJSON(t, finished(t, plan).Config, `{"created": "1970-01-01T00:00:00Z", "author": null, "architecture": "wasm", "os": "wasip1",
  "layerDigests": ["`+layer.String()+`"]}`)
	component := config(map[string]string{"a.wasm": string(tinyComponent())},
		"kind: wasm\nlayers: [a.wasm]\nconfig: {author: Ann, component: {target: 'a:b/c@1.0.0'}}\n")
	wantJSON(t, []byte(component), `{"created": "1970-01-01T00:00:00Z", "author": "Ann", "architecture": "wasm", "os": "wasip2",
  "component": {"exports": ["wasi:http/incoming-handler@0.2.1"], "imports": ["wasi:io/streams@0.2.0", "log"], "target": "a:b/c@1.0.0"},
  "layerDigests": ["`+digest.FromString("a.wasma.wasm").String()+`"]}`)
	_, err := compose(t, map[string]string{"a.wasm": "\x00asm\x01\x00\x00\x00\x02\x7f"}, "kind: wasm\nlayers: [a.wasm]\n")
	if err == nil || !strings.Contains(err.Error(), `davit.yaml:2:10: "a.wasm": truncated WebAssembly binary: section 2 ends at byte`) {
		t.Errorf("truncated: %v", err)
	}
}
