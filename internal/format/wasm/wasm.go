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

	"github.com/Masterminds/semver/v3"
)

// The limits of a binary. Code and data, nearly all of it, are skipped.
const (
	maxSections = 1 << 16
	maxNames    = 1 << 14 // names in a list of imports or exports
	maxName     = 1 << 16 // bytes of a name
	maxKept     = 1 << 20 // bytes of all listed names, which must fit into a config
)

// File describes a WebAssembly binary.
type File struct {
	Component bool
	Imports   []string // of a component: names in order; of a module: the modules that it imports from
	Exports   []string // names in order
	kept      int      // bytes of all listed names
}

// Read reads the imports and exports of a core module or a component of size bytes. It fails if a section is truncated, or if an
// import or export section is invalid.
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

// OS returns the operating system for the config of an artifact (CNCF TAG Runtime, Wasm OCI Artifact layout).
func (f *File) OS() string {
	if f.Component {
		return "wasip2"
	}
	return "wasip1"
}

// WASI returns the newest version of WASI that the binary imports: "0.2.0", "preview1", or "".
func (f *File) WASI() string {
	version := ""
	for _, name := range f.Imports {
		switch {
		case name == "wasi_snapshot_preview1":
			return "preview1"
		case name == "wasi_unstable":
			return "preview0"
		case strings.HasPrefix(name, "wasi:"):
			if _, v, ok := strings.Cut(name, "@"); ok && isNewer(v, version) {
				version = v
			}
		}
	}
	return version
}

// isNewer reports whether version a is newer than b. A semantic version is newer than any other text.
func isNewer(a, b string) bool {
	x, err := semver.StrictNewVersion(a)
	y, errB := semver.StrictNewVersion(b)
	switch {
	case err == nil && errB == nil:
		return x.GreaterThan(y)
	case err == nil || errB == nil:
		return err == nil
	}
	return a > b
}

// The identifiers of the sections that are read.
const (
	moduleImports, moduleExports       = 2, 7
	componentImports, componentExports = 10, 11
)

// readSections reads the sections after the header.
func (f *File) readSections(r io.ReaderAt, size int64) error {
	pos := int64(8)
	for n := 0; pos < size; n++ {
		if n == maxSections {
			return fmt.Errorf("too many sections in a WebAssembly binary: limit is %d", maxSections)
		}
		head := &reader{in: bufio.NewReaderSize(io.NewSectionReader(r, pos, min(size-pos, 11)), 16)}
		id, length := head.readByte(), int64(head.readUint32())
		if head.err != nil {
			return fmt.Errorf("truncated WebAssembly binary: incomplete section header at byte %d", pos)
		}
		body := pos + head.read
		if pos = body + length; pos > size {
			return fmt.Errorf("truncated WebAssembly binary: section %d ends at byte %d, but the file is %d bytes", id, pos, size)
		}
		if err := f.readSection(id, io.NewSectionReader(r, body, length)); err != nil {
			return fmt.Errorf("WebAssembly section %d at byte %d: %w", id, body, err)
		}
	}
	return nil
}

// readSection lists the names in an import or export section, and ignores any other section. The list ends at an unknown encoding,
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
		return errors.New("section ends inside an entry")
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

// appendName appends a name if it was read completely, even if its type has an unknown encoding. It ends the list at its limits.
func (f *File) appendName(r *reader, names []string, name string) []string {
	if name == "" || r.err != nil && !errors.Is(r.err, errUnknown) {
		return names
	}
	if f.kept += len(name); len(names) == maxNames || f.kept > maxKept {
		r.fail(errUnknown)
		return names
	}
	return append(names, name)
}

// errUnknown ends a list of names. readSection does not return it.
var errUnknown = errors.New("unknown encoding")

// reader decodes a section. After an error, its methods read nothing and return zero values.
type reader struct {
	in   *bufio.Reader
	read int64 // the number of bytes read
	err  error
}

// fail sets the error, unless there already is one.
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

// readUint32 reads an unsigned 32-bit integer in LEB128.
func (r *reader) readUint32() uint32 {
	n := r.readUint64()
	if n > math.MaxUint32 {
		r.fail(fmt.Errorf("number %d exceeds 32 bits", n))
		return 0
	}
	return uint32(n)
}

// readUint64 reads an unsigned 64-bit integer in LEB128.
func (r *reader) readUint64() uint64 {
	var n uint64
	for shift := 0; shift < 70; shift += 7 {
		b := r.readByte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.fail(errors.New("number longer than 10 bytes"))
	return 0
}

// readName reads a string in UTF-8 of at most maxName bytes.
func (r *reader) readName() string {
	n := r.readUint32()
	if n > maxName {
		r.fail(fmt.Errorf("name too long: %d bytes, limit is %d KiB", n, maxName>>10))
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
		r.err = errors.New("name is not UTF-8")
	}
	return string(b)
}

// skipValueType skips a value or reference type. A heap type follows 0x63 and 0x64.
func (r *reader) skipValueType() {
	if b := r.readByte(); b == 0x63 || b == 0x64 {
		r.readUint64()
	}
}

// skipLimits skips the limits of a table or memory: flags, a minimum, and, if the flags say so, a maximum and a page size.
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
