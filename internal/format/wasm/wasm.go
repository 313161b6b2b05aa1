// Package wasm reads the imports and exports of WebAssembly binaries: core modules (WebAssembly Core Specification 3.0,
// section 5.5) and components (Component Model, design/mvp/Binary.md).
package wasm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of what is read of a WebAssembly binary. Code and data, nearly all of one, are passed over.
const (
	maxSections = 1 << 16
	maxNames    = 1 << 14 // imports or exports listed
	maxName     = 1 << 16 // bytes of one name
	maxKept     = 1 << 20 // bytes of all names listed; they have to fit into a config
)

// File is what a WebAssembly binary states about itself.
type File struct {
	Component bool
	Imports   []string // of a component: names in order; of a module: the distinct modules it imports from
	Exports   []string // names in order
	kept      int
}

// Read reads the imports and exports of a core module or a component. All sections must fit into the file.
func Read(r io.ReaderAt, size int64) (*File, error) {
	var header [8]byte
	if _, err := r.ReadAt(header[:], 0); err != nil || string(header[:4]) != "\x00asm" {
		return nil, errors.New("not a WebAssembly binary: it does not begin with \\0asm")
	}
	f := &File{}
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
func (f *File) OS() string {
	if f.Component {
		return "wasip2"
	}
	return "wasip1"
}

// WASI is the version of WASI that the binary imports: "0.2.0", "preview1", or "" for none.
func (f *File) WASI() string {
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

func (f *File) readSections(r io.ReaderAt, size int64) error {
	pos := int64(8)
	for n := 0; pos < size; n++ {
		if n == maxSections {
			return fmt.Errorf("the WebAssembly binary has more than %d sections", maxSections)
		}
		head := &reader{in: bufio.NewReaderSize(io.NewSectionReader(r, pos, min(size-pos, 11)), 16)}
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
func (f *File) readSection(id byte, section *io.SectionReader) error {
	var entry func(*reader)
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
	r := &reader{in: bufio.NewReader(section)}
	for range r.u32() {
		entry(r)
		if r.err != nil {
			break
		}
	}
	switch {
	case errors.Is(r.err, errUnknown):
		return nil
	case errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF):
		return errors.New("it has more entries than bytes")
	}
	return r.err
}

func (f *File) moduleImport(r *reader) {
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
		r.fail(errUnknown)
	}
	if !slices.Contains(f.Imports, module) && len(f.Imports) < 256 {
		f.Imports = f.list(r, f.Imports, module)
	}
}

func (f *File) moduleExport(r *reader) {
	name := r.name()
	r.byte()
	r.u32()
	f.Exports = f.list(r, f.Exports, name)
}

func (f *File) componentImport(r *reader) {
	name := r.externName()
	r.externDesc(r.byte())
	f.Imports = f.list(r, f.Imports, name)
}

func (f *File) componentExport(r *reader) {
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
func (f *File) list(r *reader, names []string, name string) []string {
	if name == "" || r.err != nil && !errors.Is(r.err, errUnknown) {
		return names
	}
	if f.kept += len(name); len(names) == maxNames || f.kept > maxKept {
		r.fail(errUnknown) // enough to know it by
		return names
	}
	return append(names, name)
}

// errUnknown ends a list of names without an error.
var errUnknown = errors.New("an encoding that is not known")

// reader reads the encodings of a section. After an error all its methods do nothing.
type reader struct {
	in   *bufio.Reader
	read int64
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) byte() byte {
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
func (r *reader) u32() uint32 {
	n := r.u64()
	if n > math.MaxUint32 {
		r.fail(fmt.Errorf("the number %d has more than 32 bits", n))
		return 0
	}
	return uint32(n)
}

// u64 reads an unsigned LEB128 of 64 bits.
func (r *reader) u64() uint64 {
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
func (r *reader) name() string {
	n := r.u32()
	if n > maxName {
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
func (r *reader) valueType() {
	if b := r.byte(); b == 0x63 || b == 0x64 {
		r.u64()
	}
}

// limits reads the bounds of a table or memory: flags say whether a maximum and a page size follow.
func (r *reader) limits() {
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
func (r *reader) externName() string {
	kind := r.byte()
	if kind > 2 {
		r.fail(errUnknown)
	}
	name := r.name()
	if kind == 2 { // a version suffix follows
		r.name()
	}
	return name
}

// externDesc reads the type of a component's import or export.
func (r *reader) externDesc(sort byte) {
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
		r.fail(errUnknown)
	}
}
