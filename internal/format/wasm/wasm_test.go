package wasm

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/formattest"
)

func readBytes(b []byte) (*File, error) {
	return Read(bytes.NewReader(b), int64(len(b)))
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data             []byte
		os, wasi         string
		imports, exports []string
	}{
		"module": {formattest.TinyModule(), "wasip1", "preview1",
			[]string{"wasi_snapshot_preview1", "env"}, []string{"_start", "memory"}},
		"component": {formattest.TinyComponent(), "wasip2", "0.2.0",
			[]string{"wasi:io/streams@0.2.0", "log"}, []string{"wasi:http/incoming-handler@0.2.1"}},
		"empty module": {[]byte(formattest.WasmModule), "wasip1", "", nil, nil},
		"component with an import of unknown encoding": {
			[]byte(formattest.WasmComponent + formattest.WasmSection(10, "\x02\x00"+formattest.WasmName("a")+"\x01\x00"+"\x77"+formattest.WasmName("b")+"\x01\x00")),
			"wasip2", "", []string{"a"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := readBytes(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			if f.OS() != tt.os || f.WASI() != tt.wasi || !slices.Equal(f.Imports, tt.imports) || !slices.Equal(f.Exports, tt.exports) {
				t.Errorf("got %s %q, imports %q, exports %q, want %+v", f.OS(), f.WASI(), f.Imports, f.Exports, tt)
			}
		})
	}
}

func TestWASIVersion(t *testing.T) {
	t.Parallel()
	for want, imports := range map[string][]string{
		"0.2.10":     {"wasi:io/streams@0.2.9", "wasi:clocks/wall-clock@0.2.10", "wasi:random/random@0.2.0"},
		"0.10.0":     {"wasi:cli/run@0.10.0", "wasi:io/streams@0.9.1"},
		"0.3.0":      {"wasi:cli/run@0.3.0", "wasi:cli/run@0.3.0-rc-2025-09-16"},
		"0.3.0-rc.2": {"wasi:cli/run@0.2.9", "wasi:cli/run@0.3.0-rc.2"},
		"0.2.0":      {"wasi:cli/run@0.2.0", "wasi:cli/run@snapshot", "other:cli/run@9.0.0"},
		"snapshot":   {"wasi:cli/run", "wasi:cli/run@snapshot"},
		"preview1":   {"wasi:cli/run@0.2.0", "wasi_snapshot_preview1"},
		"":           {"wasi:cli/run", "env"},
	} {
		if got := (&File{Imports: imports}).WASI(); got != want {
			t.Errorf("%q: got %q, want %q", imports, got, want)
		}
		slices.Reverse(imports)
		if got := (&File{Imports: imports}).WASI(); got != want {
			t.Errorf("%q: got %q, want %q", imports, got, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ data, want string }{
		"empty":                          {"", "not a WebAssembly binary"},
		"text format":                    {"(module)", "not a WebAssembly binary"},
		"unknown version":                {"\x00asm\x02\x00\x00\x00", "unsupported WebAssembly version"},
		"truncated section":              {formattest.WasmModule + "\x02\x7f\x00", "section 2 ends at byte 137, but the file is 11 bytes"},
		"truncated section header":       {formattest.WasmModule + "\x02", "incomplete section header"},
		"length of too many bytes":       {formattest.WasmModule + "\x02" + strings.Repeat("\xff", 12), "incomplete section header"},
		"entry count beyond the section": {formattest.WasmModule + formattest.WasmSection(7, "\x7f"), "section ends inside an entry"},
		"name beyond the section":        {formattest.WasmModule + formattest.WasmSection(7, "\x01\x20a"), "section ends inside an entry"},
		"huge name":                      {formattest.WasmModule + formattest.WasmSection(7, "\x01\xff\xff\xff\xff\x0f"), "name too long: 4294967295 bytes, limit is 64 KiB"},
		"name that is not UTF-8":         {formattest.WasmModule + formattest.WasmSection(7, "\x01\x01\xff\x00\x00"), "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := readBytes([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(formattest.TinyModule())
	f.Add(formattest.TinyComponent())
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := readBytes(b)
		if err != nil {
			return
		}
		kept := 0
		for _, name := range slices.Concat(w.Imports, w.Exports) {
			kept += len(name)
		}
		if kept > len(b) || len(w.Imports) > maxNames || len(w.Exports) > maxNames {
			t.Errorf("got %d imports and %d exports with %d bytes of names in %d bytes, want them within the file and the limit", len(w.Imports), len(w.Exports), kept, len(b))
		}
	})
}
