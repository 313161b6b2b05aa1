// Package gguf reads the header of GGUF files, in which llama.cpp keeps model weights (ggml docs/gguf.md, versions 1 to 3).
package gguf

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/format/tensor"
)

// The limits of a header. Real headers are far below them: a vocabulary of 256k tokens takes about 20 MiB and is skipped,
// and the largest models have a few thousand tensors.
const (
	maxHeader  = 512 << 20 // bytes read from a file
	maxKeys    = 1 << 16   // metadata entries
	maxTensors = 1 << 20   // tensors; their descriptions are not kept
	maxString  = 1 << 20   // bytes of a string, longer ones are skipped; a chat template takes a few KiB
	maxKept    = 1 << 20   // bytes of metadata, which must fit into a config
	maxArray   = 50        // values of an array, longer ones are skipped as in Docker Model Runner
	maxDims    = 32        // dimensions of a tensor; llama.cpp has up to 4, other programs write 5
)

// File is the header of a GGUF file.
type File struct {
	Metadata  map[string]string // as text: numbers and booleans too, short arrays with commas
	Tensors   int64
	Elements  int64            // parameters in all tensors
	DataSize  int64            // bytes of tensor data
	FileType  int64            // general.file_type, or -1 if absent
	SplitNo   string           // split.no, counted from 0; "" if absent
	types     map[uint32]int64 // numbers of tensors by type
	diffusion bool             // a tensor has a name that diffusion models use
}

// Read reads the header of a GGUF file of size bytes, versions 1 to 3, in either byte order. It fails if the header is invalid
// or exceeds a limit, or if the file is too short for its tensors. Its use of memory is bounded, whatever lengths the header contains.
func Read(r io.ReaderAt, size int64) (*File, error) { return Visit(r, size, nil) }

// Visit is like Read, but also calls visit for each tensor, in the order of the header, before it checks the length of the file. visit
// may be nil.
func Visit(r io.ReaderAt, size int64, visit func(tensor.Tensor)) (*File, error) {
	g := &reader{in: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10), size: size, visit: visit}
	f, err := g.read()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("truncated GGUF: file ends at byte %d, inside the header", size)
	}
	return f, err
}

// IsHead reports whether data begins like a GGUF file: with the magic and a version below 256 in either byte order, so that
// text is not recognized as GGUF. The version may be missing, as in a truncated file.
func IsHead(data []byte) bool {
	const versions = 1 << 8
	if !bytes.HasPrefix(data, []byte("GGUF")) && !bytes.HasPrefix(data, []byte("FUGG")) {
		return false
	}
	return len(data) < 8 || binary.LittleEndian.Uint32(data[4:]) < versions || binary.BigEndian.Uint32(data[4:]) < versions
}

// ReadHead reads the number of tensors and the metadata from the first bytes of a GGUF file of size bytes. A short head is enough
// for the metadata of the model, which precede the vocabulary. ReadHead stops without an error at the first entry that is cut
// off or invalid; it fails only if head lacks a valid version and valid counts. Elements and DataSize stay 0.
func ReadHead(head []byte, size int64) (*File, error) {
	g := &reader{in: bufio.NewReader(bytes.NewReader(head)), size: size}
	f, keys, err := g.readCounts()
	if err != nil {
		return nil, err
	}
	align := int64(32)
	for range keys {
		if g.readEntry(f, &align) != nil {
			break
		}
	}
	return f, nil
}

// Add adds the metadata, parameters, and data size of another shard of the same model. If both have a key, the value in shard
// wins, but FileType is set only if it was absent. Tensors and SplitNo stay.
func (f *File) Add(shard *File) {
	maps.Copy(f.Metadata, shard.Metadata)
	for kind, n := range shard.types {
		f.types[kind] += n
	}
	f.Elements += shard.Elements
	f.DataSize += shard.DataSize
	if f.FileType < 0 {
		f.FileType = shard.FileType
	}
	f.diffusion = f.diffusion || shard.diffusion
}

// Architecture returns the architecture of the model. Without any evidence it returns "llama", the default of llama.cpp's tools.
func (f *File) Architecture() string {
	if s := f.Metadata["general.architecture"]; s != "" {
		return s
	}
	if f.diffusion {
		return "diffusion"
	}
	return "llama"
}

// ContextSize returns the size of the context that the model was trained with, in tokens, or 0 if it is unknown or invalid.
func (f *File) ContextSize() int64 {
	n, err := strconv.ParseInt(f.Metadata[f.Architecture()+".context_length"], 10, 64)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0
	}
	return n
}

// reader reads a header in small steps and checks each length against the size of the file.
type reader struct {
	in      *bufio.Reader
	order   binary.ByteOrder
	version uint32
	size    int64 // of the file, in bytes
	pos     int64
	kept    int // bytes of metadata kept
	buf     [8]byte
	visit   func(tensor.Tensor) // nil if the caller does not need the tensors
}

func (g *reader) read() (*File, error) {
	f, keys, err := g.readCounts()
	if err != nil {
		return nil, err
	}
	align := int64(32)
	for range keys {
		if err := g.readEntry(f, &align); err != nil {
			return nil, err
		}
	}
	var last tensorEnd
	for range f.Tensors {
		data, err := g.readTensor(f)
		if err != nil {
			return nil, err
		}
		if data.end > last.end {
			last = data
		}
	}
	return f, g.finish(f, align, last)
}

// readCounts reads the part before the metadata: the version, and the numbers of tensors and metadata entries.
func (g *reader) readCounts() (f *File, keys int64, err error) {
	if err := g.readVersion(); err != nil {
		return nil, 0, err
	}
	tensors, err := g.readCount("tensors", maxTensors)
	if err != nil {
		return nil, 0, err
	}
	keys, err = g.readCount("metadata entries", maxKeys)
	return newFile(tensors), keys, err
}

func newFile(tensors int64) *File {
	return &File{Metadata: map[string]string{}, FileType: -1, Tensors: tensors, types: map[uint32]int64{}}
}

// finish checks that the file does not end before the last tensor, and sets DataSize.
func (g *reader) finish(f *File, align int64, last tensorEnd) error {
	start := (g.pos + align - 1) / align * align
	if last.end > 0 && last.end > max(g.size-start, 0) {
		end := uint64(start) + uint64(last.end) // can exceed an int64
		return fmt.Errorf("truncated GGUF: tensor %q ends at byte %d, but the file is %d bytes", last.name, end, g.size)
	}
	// If no padding is needed, Docker Model Runner subtracts a full alignment. Users compare sizes, so this package does the same.
	f.DataSize = max(g.size-(g.pos+align-g.pos%align), 0)
	return nil
}

func (g *reader) readVersion() error {
	g.order = binary.LittleEndian
	magic, err := g.readBytes(4)
	if err != nil {
		return err
	}
	switch string(magic) {
	case "GGUF":
	case "FUGG":
		g.order = binary.BigEndian
	default:
		return fmt.Errorf("not a GGUF file: it begins with %q", magic)
	}
	if g.version, err = g.readUint32(); err != nil {
		return err
	}
	// llama.cpp writes big-endian files with the usual magic. Their version, read as little-endian, is a multiple of 65536.
	if g.version&0xffff == 0 {
		g.version, g.order = bits.ReverseBytes32(g.version), binary.BigEndian
	}
	if g.version < 1 || g.version > 3 {
		return fmt.Errorf("unsupported GGUF version %d: want 1 to 3", g.version)
	}
	return nil
}

// readEntry reads one metadata entry into f. It sets align if the entry is general.alignment.
func (g *reader) readEntry(f *File, align *int64) error {
	key, _, err := g.readText()
	if err != nil {
		return err
	}
	kind, err := g.readUint32()
	if err != nil {
		return err
	}
	text, keep, err := g.readValue(kind)
	if err != nil {
		return fmt.Errorf("GGUF metadata %q: %w", key, err)
	}
	switch key {
	case "general.alignment":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > 1<<20 {
			return fmt.Errorf("GGUF metadata %q: invalid alignment %s", key, text)
		}
		*align = n
	case "general.file_type":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			f.FileType = n
		}
	case "split.no": // differs between shards of the same model
		f.SplitNo = text
		return nil
	}
	if _, again := f.Metadata[key]; keep && !again && g.kept+len(key)+len(text) <= maxKept {
		g.kept += len(key) + len(text)
		f.Metadata[key] = text
	}
	return nil
}

// tensorEnd is the end of a tensor, as an offset in the tensor data.
type tensorEnd struct {
	name string
	end  int64 // 0 if unknown
}

// readTensor reads the description of a tensor, counts it, and calls visit.
func (g *reader) readTensor(f *File) (tensorEnd, error) {
	name, _, err := g.readText()
	if err != nil {
		return tensorEnd{}, err
	}
	dims, err := g.readDimensions()
	if err != nil {
		return tensorEnd{}, fmt.Errorf("GGUF tensor %q: %w", name, err)
	}
	kind, err := g.readUint32()
	if err != nil {
		return tensorEnd{}, err
	}
	offset, err := g.readUint64()
	if err != nil {
		return tensorEnd{}, err
	}
	elements, err := tensor.Elements(dims)
	if err != nil {
		return tensorEnd{}, fmt.Errorf("GGUF tensor %q: %w", name, err)
	}
	f.count(name, kind, elements)
	if f.Elements < 0 {
		return tensorEnd{}, fmt.Errorf("GGUF tensor %q: the number of parameters overflows", name)
	}
	end, err := dataEnd(kind, offset, elements)
	if err != nil {
		return tensorEnd{}, fmt.Errorf("GGUF tensor %q: %w", name, err)
	}
	if g.visit != nil {
		g.visit(tensor.Tensor{Name: name, Type: cmp.Or(typeName(kind), fmt.Sprint(kind)), Shape: dims, Size: max(0, end-int64(offset))})
	}
	return tensorEnd{name, end}, nil
}

// count adds a tensor to the totals.
func (f *File) count(name string, kind uint32, elements int64) {
	f.Elements += elements // a negative sum is an overflow
	f.types[limitType(kind)]++
	for _, prefix := range [...]string{"model.diffusion_model.", "double_blocks.", "joint_blocks.", "decoder.", "encoder.", "text_model."} {
		f.diffusion = f.diffusion || strings.HasPrefix(name, prefix)
	}
}

// readDimensions reads the shape of a tensor.
func (g *reader) readDimensions() ([]int64, error) {
	n, err := g.readUint32()
	if err != nil {
		return nil, err
	}
	if n > maxDims {
		return nil, fmt.Errorf("too many dimensions: %d, limit is %d", n, maxDims)
	}
	dims := make([]int64, n)
	for i := range dims {
		if dims[i], err = g.readLength(); err != nil {
			return nil, err
		}
	}
	return dims, nil
}

// dataEnd returns the end of a tensor as an offset in the tensor data, or 0 if the type is unknown or has no known size. It fails
// if the offset overflows.
func dataEnd(kind uint32, offset uint64, elements int64) (int64, error) {
	if int64(kind) >= int64(len(tensorTypes)) || tensorTypes[kind].block == 0 {
		return 0, nil
	}
	t := tensorTypes[kind]
	hi, n := bits.Mul64(uint64(elements)/t.block, t.size)
	end, carry := bits.Add64(offset, n, 0)
	if hi != 0 || carry != 0 || end > math.MaxInt64 {
		return 0, fmt.Errorf("offset %d: the end of the data overflows", offset)
	}
	return int64(end), nil
}

// readCount reads the number of tensors or metadata entries. It fails if the number exceeds the limit, or if the rest of the file is
// too short for it: each takes at least nine bytes. The errors contain what, the name of the counted items.
func (g *reader) readCount(what string, limit int64) (int64, error) {
	n, err := g.readLength()
	if err != nil {
		return 0, err
	}
	if n < 0 || n > (g.size-g.pos)/9 {
		return 0, fmt.Errorf("GGUF header: %d %s do not fit into a file of %d bytes", uint64(n), what, g.size)
	}
	if n > limit {
		return 0, fmt.Errorf("GGUF header: too many %s: %d, limit is %d", what, n, limit)
	}
	return n, nil
}
