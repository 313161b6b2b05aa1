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

// The limits of a binary. Code and data, nearly all of it, are skipped.
const (
	maxSections = 1 << 16
	maxNames    = 1 << 14 // listed imports or exports
	maxName     = 1 << 16 // bytes of a name
	maxKept     = 1 << 20 // bytes of all listed names, which must fit into a config
)

// File describes a WebAssembly binary.
type File struct {
	Component bool
	Imports   []string // of a component: names in order; of a module: the modules that it imports from
	Exports   []string // names in order
	kept      int
}

// Read reads the imports and exports of a core module or a component. It fails if a section is truncated.
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
		return nil, fmt.Errorf("unsupported WebAssembly version % x: want a module (01 00 00 00) or a component (0d 00 01 00)", header[4:])
	}
	return f, f.readSections(r, size)
}

// OS returns the operating system to state in the config of an artifact (CNCF TAG Runtime, Wasm OCI Artifact layout).
func (f *File) OS() string {
	if f.Component {
		return "wasip2"
	}
	return "wasip1"
}

// WASI returns the version of WASI that the binary imports: "0.2.0", "preview1", or "".
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

// The identifiers of the sections that are read.
const (
	moduleImports, moduleExports       = 2, 7
	componentImports, componentExports = 10, 11
)

func (f *File) readSections(r io.ReaderAt, size int64) error {
	pos := int64(8)
	for n := 0; pos < size; n++ {
		if n == maxSections {
			return fmt.Errorf("WebAssembly binary has too many sections: the limit is %d", maxSections)
		}
		head := &reader{in: bufio.NewReaderSize(io.NewSectionReader(r, pos, min(size-pos, 11)), 16)}
		id, length := head.readByte(), int64(head.readUint32())
		if head.err != nil {
			return fmt.Errorf("truncated WebAssembly binary: incomplete section header at byte %d", pos)
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

// readSection lists the names in an import or export section, and skips any other section. The list ends at an unknown encoding,
// which is not an error: proposals keep adding encodings, and the list is only informational.
func (f *File) readSection(id byte, section *io.SectionReader) error {
	var entry func(*reader)
	switch {
	case !f.Component && id == moduleImports:
		entry = f.addModuleImport
	case !f.Component && id == moduleExports:
		entry = f.addModuleExport
	case f.Component && id == componentImports:
		entry = f.addComponentImport
	case f.Component && id == componentExports:
		entry = f.addComponentExport
	default:
		return nil
	}
	r := &reader{in: bufio.NewReader(section)}
	for range r.readUint32() {
		entry(r)
		if r.err != nil {
			break
		}
	}
	switch {
	case errors.Is(r.err, errUnknown):
		return nil
	case errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF):
		return errors.New("more entries than bytes")
	}
	return r.err
}

func (f *File) addModuleImport(r *reader) {
	module := r.readName()
	r.readName()
	switch r.readByte() {
	case 0: // function
		r.readUint32()
	case 1: // table
		r.skipValueType()
		r.skipLimits()
	case 2: // memory
		r.skipLimits()
	case 3: // global
		r.skipValueType()
		r.readByte()
	case 4: // tag
		r.readByte()
		r.readUint32()
	default:
		r.fail(errUnknown)
	}
	if !slices.Contains(f.Imports, module) && len(f.Imports) < 256 {
		f.Imports = f.appendName(r, f.Imports, module)
	}
}

func (f *File) addModuleExport(r *reader) {
	name := r.readName()
	r.readByte()
	r.readUint32()
	f.Exports = f.appendName(r, f.Exports, name)
}

func (f *File) addComponentImport(r *reader) {
	name := r.readExternName()
	r.skipExternDesc(r.readByte())
	f.Imports = f.appendName(r, f.Imports, name)
}

func (f *File) addComponentExport(r *reader) {
	name := r.readExternName()
	if r.readByte() == 0 { // the sort is core, and another byte follows
		r.readByte()
	}
	r.readUint32()
	if r.readByte() == 1 { // a type follows
		r.skipExternDesc(r.readByte())
	}
	f.Exports = f.appendName(r, f.Exports, name)
}

// appendName appends a name if it was read completely, even if its type is in an unknown encoding.
func (f *File) appendName(r *reader, names []string, name string) []string {
	if name == "" || r.err != nil && !errors.Is(r.err, errUnknown) {
		return names
	}
	if f.kept += len(name); len(names) == maxNames || f.kept > maxKept {
		r.fail(errUnknown) // end the list at its limit
		return names
	}
	return append(names, name)
}

// errUnknown ends a list of names; readSection doesn't return it.
var errUnknown = errors.New("unknown encoding")

// reader decodes a section. After an error, its methods do nothing.
type reader struct {
	in   *bufio.Reader
	read int64 // the number of bytes read
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) readByte() byte {
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

// readUint32 reads an unsigned LEB128 of 32 bits.
func (r *reader) readUint32() uint32 {
	n := r.readUint64()
	if n > math.MaxUint32 {
		r.fail(fmt.Errorf("number %d has more than 32 bits", n))
		return 0
	}
	return uint32(n)
}

// readUint64 reads an unsigned LEB128 of 64 bits.
func (r *reader) readUint64() uint64 {
	var n uint64
	for shift := 0; shift < 70; shift += 7 {
		b := r.readByte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.fail(errors.New("a number has more than 10 bytes"))
	return 0
}

// readName reads a string in UTF-8.
func (r *reader) readName() string {
	n := r.readUint32()
	if n > maxName {
		r.fail(fmt.Errorf("a name has %d bytes", n))
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
		r.err = errors.New("a name is not UTF-8")
	}
	return string(b)
}

// skipValueType skips a value or reference type; 0x63 and 0x64 are followed by a heap type.
func (r *reader) skipValueType() {
	if b := r.readByte(); b == 0x63 || b == 0x64 {
		r.readUint64()
	}
}

// skipLimits skips the bounds of a table or memory. Flags show whether a maximum and a page size follow.
func (r *reader) skipLimits() {
	flags := r.readByte()
	r.readUint64()
	if flags&1 != 0 {
		r.readUint64()
	}
	if flags&8 != 0 {
		r.readUint64()
	}
}

// readExternName reads the name of a component's import or export.
func (r *reader) readExternName() string {
	kind := r.readByte()
	if kind > 2 {
		r.fail(errUnknown)
	}
	name := r.readName()
	if kind == 2 { // a version suffix follows
		r.readName()
	}
	return name
}

// skipExternDesc skips the type of a component's import or export.
func (r *reader) skipExternDesc(sort byte) {
	switch sort {
	case 0: // core module
		r.readByte()
		r.readUint32()
	case 1, 4, 5: // function, component, instance
		r.readUint32()
	case 3: // type: equal to another, or a new resource
		if r.readByte() == 0 {
			r.readUint32()
		}
	default: // values, which no tool emits yet
		r.fail(errUnknown)
	}
}
