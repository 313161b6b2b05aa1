package artifact

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of what is read of a WebAssembly binary. Code and data, nearly all of one, are passed over.
const (
	maxWasmSections = 1 << 16
	maxWasmNames    = 1 << 14 // imports or exports listed
	maxWasmName     = 1 << 16 // bytes of one name
	maxWasmKept     = 1 << 20 // bytes of all names listed; they have to fit into a config
)

// wasmFile is what a WebAssembly binary says about itself.
type wasmFile struct {
	Component bool
	Imports   []string // of a component: names in order; of a module: the distinct modules it imports from
	Exports   []string // names in order
	kept      int
}

// readWasm reads the imports and exports of a core module or a component. All sections must fit into the file.
func readWasm(r io.ReaderAt, size int64) (*wasmFile, error) {
	var header [8]byte
	if _, err := r.ReadAt(header[:], 0); err != nil || string(header[:4]) != "\x00asm" {
		return nil, errors.New("not a WebAssembly binary: it does not begin with \\0asm")
	}
	f := &wasmFile{}
	switch string(header[4:]) {
	case "\x01\x00\x00\x00":
	case "\x0d\x00\x01\x00":
		f.Component = true
	default:
		return nil, fmt.Errorf("WebAssembly version % x is neither a module (01 00 00 00) nor a component (0d 00 01 00)", header[4:])
	}
	return f, f.readSections(r, size)
}

// OS is the operating system that the wasm config of CNCF's layout names.
func (f *wasmFile) OS() string {
	if f.Component {
		return "wasip2"
	}
	return "wasip1"
}

// WASI is the version of WASI that the binary imports: "0.2.0", "preview1", or "" for none.
func (f *wasmFile) WASI() string {
	version := ""
	for _, name := range f.Imports {
		switch {
		case name == "wasi_snapshot_preview1":
			return "preview1"
		case name == "wasi_unstable":
			return "preview0"
		case strings.HasPrefix(name, "wasi:"):
			if _, v, ok := strings.Cut(name, "@"); ok && v > version {
				version = v
			}
		}
	}
	return version
}

// The sections that matter: in a module imports are section 2 and exports 7, in a component 10 and 11.
const (
	moduleImports, moduleExports       = 2, 7
	componentImports, componentExports = 10, 11
)

func (f *wasmFile) readSections(r io.ReaderAt, size int64) error {
	pos := int64(8)
	for n := 0; pos < size; n++ {
		if n == maxWasmSections {
			return fmt.Errorf("the WebAssembly binary has more than %d sections", maxWasmSections)
		}
		head := &wasmReader{in: bufio.NewReaderSize(io.NewSectionReader(r, pos, min(size-pos, 11)), 16)}
		id, length := head.byte(), int64(head.u32())
		if head.err != nil {
			return fmt.Errorf("truncated WebAssembly binary: it ends inside a section header at byte %d", pos)
		}
		body := pos + head.read
		if pos = body + length; pos > size {
			return fmt.Errorf("truncated WebAssembly binary: section %d ends at byte %d, the file has %d", id, pos, size)
		}
		if err := f.readSection(id, io.NewSectionReader(r, body, length)); err != nil {
			return fmt.Errorf("WebAssembly section %d at byte %d: %w", id, body, err)
		}
	}
	return nil
}

// readSection lists the names of an import or export section; others are passed over. An encoding that this reader
// doesn't know ends the list: it is information, and new proposals keep adding to it.
func (f *wasmFile) readSection(id byte, section *io.SectionReader) error {
	var entry func(*wasmReader)
	switch {
	case !f.Component && id == moduleImports:
		entry = f.moduleImport
	case !f.Component && id == moduleExports:
		entry = f.moduleExport
	case f.Component && id == componentImports:
		entry = f.componentImport
	case f.Component && id == componentExports:
		entry = f.componentExport
	default:
		return nil
	}
	r := &wasmReader{in: bufio.NewReader(section)}
	for range r.u32() {
		entry(r)
		if r.err != nil {
			break
		}
	}
	switch {
	case errors.Is(r.err, errWasmUnknown):
		return nil
	case errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF):
		return errors.New("it has more entries than bytes")
	}
	return r.err
}

func (f *wasmFile) moduleImport(r *wasmReader) {
	module := r.name()
	r.name()
	switch r.byte() {
	case 0: // function
		r.u32()
	case 1: // table
		r.valueType()
		r.limits()
	case 2: // memory
		r.limits()
	case 3: // global
		r.valueType()
		r.byte()
	case 4: // tag
		r.byte()
		r.u32()
	default:
		r.fail(errWasmUnknown)
	}
	if !slices.Contains(f.Imports, module) && len(f.Imports) < 256 {
		f.Imports = f.list(r, f.Imports, module)
	}
}

func (f *wasmFile) moduleExport(r *wasmReader) {
	name := r.name()
	r.byte()
	r.u32()
	f.Exports = f.list(r, f.Exports, name)
}

func (f *wasmFile) componentImport(r *wasmReader) {
	name := r.externName()
	r.externDesc(r.byte())
	f.Imports = f.list(r, f.Imports, name)
}

func (f *wasmFile) componentExport(r *wasmReader) {
	name := r.externName()
	if r.byte() == 0 { // the sort "core" is followed by which one
		r.byte()
	}
	r.u32()
	if r.byte() == 1 { // a type is ascribed
		r.externDesc(r.byte())
	}
	f.Exports = f.list(r, f.Exports, name)
}

// list appends a name that was read whole, whatever follows it.
func (f *wasmFile) list(r *wasmReader, names []string, name string) []string {
	if name == "" || r.err != nil && !errors.Is(r.err, errWasmUnknown) {
		return names
	}
	if f.kept += len(name); len(names) == maxWasmNames || f.kept > maxWasmKept {
		r.fail(errWasmUnknown) // enough to know it by
		return names
	}
	return append(names, name)
}

// errWasmUnknown ends a list of names without an error.
var errWasmUnknown = errors.New("an encoding that is not known")

// wasmReader reads the encodings of a section. After an error all its methods do nothing.
type wasmReader struct {
	in   *bufio.Reader
	read int64
	err  error
}

func (r *wasmReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *wasmReader) byte() byte {
	if r.err != nil {
		return 0
	}
	b, err := r.in.ReadByte()
	if err != nil {
		r.err = err
		return 0
	}
	r.read++
	return b
}

// u32 reads an unsigned LEB128 of 32 bits.
func (r *wasmReader) u32() uint32 {
	n := r.u64()
	if n > math.MaxUint32 {
		r.fail(fmt.Errorf("the number %d has more than 32 bits", n))
		return 0
	}
	return uint32(n)
}

// u64 reads an unsigned LEB128 of 64 bits.
func (r *wasmReader) u64() uint64 {
	var n uint64
	for shift := 0; shift < 70; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.fail(errors.New("a number that does not end"))
	return 0
}

// name reads a string; it must be UTF-8.
func (r *wasmReader) name() string {
	n := r.u32()
	if n > maxWasmName {
		r.fail(fmt.Errorf("a name of %d bytes", n))
	}
	if r.err != nil {
		return ""
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		r.err = err
		return ""
	}
	if !utf8.Valid(b) {
		r.err = errors.New("a name that is not UTF-8")
	}
	return string(b)
}

// valueType reads a value or reference type; 0x63 and 0x64 are followed by a heap type.
func (r *wasmReader) valueType() {
	if b := r.byte(); b == 0x63 || b == 0x64 {
		r.u64()
	}
}

// limits reads the bounds of a table or memory: flags say whether a maximum and a page size follow.
func (r *wasmReader) limits() {
	flags := r.byte()
	r.u64()
	if flags&1 != 0 {
		r.u64()
	}
	if flags&8 != 0 {
		r.u64()
	}
}

// externName reads the name of a component's import or export.
func (r *wasmReader) externName() string {
	kind := r.byte()
	if kind > 2 {
		r.fail(errWasmUnknown)
	}
	name := r.name()
	if kind == 2 { // a version suffix follows
		r.name()
	}
	return name
}

// externDesc reads the type of a component's import or export.
func (r *wasmReader) externDesc(sort byte) {
	switch sort {
	case 0: // core module
		r.byte()
		r.u32()
	case 1, 4, 5: // function, component, instance
		r.u32()
	case 3: // type: equal to another, or a fresh resource
		if r.byte() == 0 {
			r.u32()
		}
	default: // values are not in use yet
		r.fail(errWasmUnknown)
	}
}

// isWasm finds a WebAssembly binary by its first bytes.
func isWasm(s *sample) (string, bool) {
	return `begins with \0asm`, strings.HasPrefix(string(s.begin()), "\x00asm")
}

// wasmFault says why no runtime takes a file that is named as a WebAssembly binary.
func wasmFault(s *sample) error {
	_, err := inspectFile(s.fsys, s.path, readWasm)
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
	f, err := inspectFile(c.fsys, c.layers[0].Path, readWasm)
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
	c.notes = append(c.notes, f.note(c.layers[0].Path))
	config = c.overlay(config)
	return func(layers []Packed) (Finished, error) {
		config := maps.Clone(config)
		config["layerDigests"] = blobDigests(layers)
		encoded, err := encodeJSON(config)
		return Finished{Config: encoded}, err
	}, nil
}

// note says what the binary is.
func (f *wasmFile) note(name string) string {
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
