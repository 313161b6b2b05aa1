// Package safetensors reads the header of safetensors files (huggingface/safetensors, "Format").
package safetensors

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"strconv"

	"github.com/davit-oci/davit/internal/format/tensor"
	"github.com/davit-oci/davit/internal/jsonwalk"
)

// The limits of a header.
const (
	maxHeader = 100_000_000 // bytes, the limit of the format
	maxToken  = 1 << 20     // bytes of a string or number
	maxKept   = 1 << 20     // bytes of __metadata__, which must fit into a config
	maxDepth  = 16          // levels of nesting in unknown fields
	maxFirst  = 16          // tensors whose names are kept
)

// File is the header of a safetensors file.
type File struct {
	Metadata map[string]string // __metadata__
	Tensors  int64
	Elements int64               // parameters in all tensors
	DTypes   map[string]int64    // numbers of tensors by data type
	Size     int64               // bytes of the file
	First    []string            // names of the first tensors
	data     int64               // bytes of all tensors
	packed   int64               // bytes of the tensors whose elements may hold several weights
	end      int64               // the end of the last tensor, as an offset in the tensor data
	kept     int                 // bytes of __metadata__ read
	visit    func(tensor.Tensor) // nil if the caller does not need the tensors
}

// dtypeBits lists the element sizes of the data types, in bits.
var dtypeBits = map[string]int64{"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
	"F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64,
	"I64": 64, "U64": 64}

// Read reads the header of a safetensors file of size bytes as a stream, with bounded memory. It fails if the header is invalid
// or exceeds a limit, or if the tensors do not fill the rest of the file: the format allows no holes.
func Read(r io.ReaderAt, size int64) (*File, error) { return Visit(r, size, nil) }

// Visit is like Read, but also calls visit for each tensor, in the order of the header, before it checks the length of the file. visit
// may be nil.
func Visit(r io.ReaderAt, size int64, visit func(tensor.Tensor)) (*File, error) {
	var prefix [8]byte
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, fmt.Errorf("truncated safetensors: %d bytes are too few for a header", size)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader {
		return nil, fmt.Errorf("not a safetensors file, or corrupt: header of %d bytes, limit is %d MB", n, maxHeader/1_000_000)
	}
	if int64(n) > size-8 {
		return nil, fmt.Errorf("truncated safetensors: header of %d bytes in a file of %d bytes", n, size)
	}
	in := &tokenGuard{in: bufio.NewReaderSize(io.NewSectionReader(r, 8, int64(n)), 64<<10)}
	f := newFile(size)
	f.visit = visit
	if err := f.read(json.NewDecoder(in)); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("unexpected end")
		}
		return nil, fmt.Errorf("safetensors header: %w", err)
	}
	data := size - 8 - int64(n)
	if f.end > data {
		end := uint64(size-data) + uint64(f.end) // can exceed an int64
		return nil, fmt.Errorf("truncated safetensors: the tensors end at byte %d, but the file is %d bytes", end, size)
	}
	if f.data != data {
		return nil, fmt.Errorf("corrupt safetensors: the tensors take %d bytes, but %d bytes follow the header", f.data, data)
	}
	return f, nil
}

// ReadHead reads the part of the header that is in the first bytes of a safetensors file of size bytes. complete is true if head
// contains the complete header, so that all tensors are counted. ok is false if head is not the beginning of such a file, or has
// neither a tensor nor metadata.
func ReadHead(head []byte, size int64) (f *File, complete, ok bool) {
	if len(head) < 9 || head[8] != '{' {
		return nil, false, false
	}
	n := binary.LittleEndian.Uint64(head)
	if n > maxHeader || int64(n) > size-8 {
		return nil, false, false
	}
	body := head[8:]
	if complete = n <= uint64(len(body)); complete {
		body = body[:n]
	}
	f = newFile(size)
	err := f.read(json.NewDecoder(&tokenGuard{in: bufio.NewReader(bytes.NewReader(body))}))
	if complete && err != nil || f.Tensors == 0 && len(f.Metadata) == 0 {
		return nil, false, false
	}
	return f, complete, true
}

func newFile(size int64) *File {
	return &File{Metadata: map[string]string{}, DTypes: map[string]int64{}, Size: size}
}

// Add adds the metadata, counts, and sizes of another shard of the same model. If both have a key, the value in shard wins. First
// stays.
func (f *File) Add(shard *File) {
	maps.Copy(f.Metadata, shard.Metadata)
	for dtype, n := range shard.DTypes {
		f.DTypes[dtype] += n
	}
	f.Elements += shard.Elements
	f.Tensors += shard.Tensors
	f.Size += shard.Size
	f.data += shard.data
	f.packed += shard.packed
}

// packableTypes are the data types in which quantized models pack several weights into one element (GPTQ, AWQ, bitsandbytes, MLX).
var packableTypes = map[string]bool{"I32": true, "U32": true, "I16": true, "U16": true, "U8": true}

// IsPacked reports whether most of the data is in tensors whose elements may hold several weights. The number of elements then
// is not the number of parameters.
func (f *File) IsPacked() bool { return f.packed > f.data/2 }

// Quantization returns the data type of the weights or, of several types, "mixed". It ignores I64 and BOOL unless all tensors have
// the same type, because such tensors are counters and positions. It returns "unknown" if no type remains.
func (f *File) Quantization() string {
	var found []string
	for dtype := range f.DTypes {
		if dtype != "I64" && dtype != "BOOL" || len(f.DTypes) == 1 {
			found = append(found, dtype)
		}
	}
	switch len(found) {
	case 0:
		return "unknown"
	case 1:
		return found[0]
	}
	return "mixed"
}

// read reads the header object.
func (f *File) read(d *json.Decoder) error {
	if err := expect(d, '{'); err != nil {
		return err
	}
	for d.More() {
		name, err := readString(d)
		if err != nil {
			return err
		}
		if name == "__metadata__" {
			err = f.readMetadata(d)
		} else {
			err = f.readTensor(d, name)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return expect(d, '}')
}

// readMetadata reads __metadata__, an object of strings.
func (f *File) readMetadata(d *json.Decoder) error {
	switch token, err := d.Token(); {
	case err != nil:
		return err
	case token == nil:
		return nil // the safetensors library accepts null
	case token != json.Delim('{'):
		return fmt.Errorf("want {, got %v", token)
	}
	for d.More() {
		key, err := readString(d)
		if err != nil {
			return err
		}
		value, err := readString(d)
		if err != nil {
			return err
		}
		if f.kept += len(key) + len(value); f.kept <= maxKept {
			f.Metadata[key] = value
		}
	}
	return expect(d, '}')
}

// readTensor reads the entry of a tensor, counts it, and calls visit.
func (f *File) readTensor(d *json.Decoder, name string) error {
	dtype, shape, offsets, err := readTensorEntry(d)
	if err != nil {
		return err
	}
	elements, err := tensor.Elements(shape)
	if err != nil {
		return err
	}
	if len(offsets) != 2 || offsets[0] < 0 || offsets[0] > offsets[1] {
		return fmt.Errorf("invalid data_offsets %v: want a start and an end", offsets)
	}
	length, bits := offsets[1]-offsets[0], dtypeBits[dtype]
	if bits > 0 && (elements > math.MaxInt64/bits || (elements*bits+7)/8 != length) {
		return fmt.Errorf("size mismatch: shape %v of type %s, but %d bytes of data", shape, dtype, length)
	}
	if len(f.DTypes) < 64 || f.DTypes[dtype] > 0 {
		f.DTypes[dtype]++
	}
	if len(f.First) < maxFirst {
		f.First = append(f.First, name)
	}
	if packableTypes[dtype] && len(shape) > 1 {
		f.packed += length
	}
	f.Tensors++
	f.end = max(f.end, offsets[1])
	if f.Elements, f.data = f.Elements+elements, f.data+length; f.Elements < 0 || f.data < 0 {
		return errors.New("the number of parameters overflows")
	}
	if f.visit != nil {
		f.visit(tensor.Tensor{Name: name, Type: dtype, Shape: shape, Size: length})
	}
	return nil
}

// readTensorEntry reads {"dtype": …, "shape": […], "data_offsets": […]}.
func readTensorEntry(d *json.Decoder) (dtype string, shape, offsets []int64, err error) {
	if err := expect(d, '{'); err != nil {
		return "", nil, nil, err
	}
	for err == nil && d.More() {
		var key string
		if key, err = readString(d); err != nil {
			break
		}
		switch key {
		case "dtype":
			dtype, err = readString(d)
		case "shape":
			shape, err = readNumbers(d, 64)
		case "data_offsets":
			offsets, err = readNumbers(d, 2)
		default:
			err = jsonwalk.Skip(d, 0, maxDepth, nil)
		}
	}
	if err != nil {
		return "", nil, nil, err
	}
	return dtype, shape, offsets, expect(d, '}')
}

// expect reads a token, and fails if it is not delim.
func expect(d *json.Decoder, delim json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != delim {
		return fmt.Errorf("want %v, got %v", delim, t)
	}
	return nil
}

func readString(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("want a string, got %v", t)
	}
	return s, nil
}

// readNumbers reads an array of at most limit integers.
func readNumbers(d *json.Decoder, limit int) ([]int64, error) {
	d.UseNumber()
	if err := expect(d, '['); err != nil {
		return nil, err
	}
	var list []int64
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		text, _ := t.(json.Number)
		n, err := strconv.ParseInt(text.String(), 10, 64)
		if err != nil || len(list) == limit {
			return nil, fmt.Errorf("%v: want at most %d integers", t, limit)
		}
		list = append(list, n)
	}
	return list, expect(d, ']')
}

// tokenGuard limits the length of a token: a decoder holds each token in memory.
type tokenGuard struct {
	in      io.Reader
	run     int // bytes since the beginning of the token
	quoted  bool
	escaped bool
}

// Read implements io.Reader. It fails if a token is longer than maxToken.
func (g *tokenGuard) Read(p []byte) (int, error) {
	n, err := g.in.Read(p)
	for _, c := range p[:n] {
		g.run++
		switch {
		case g.escaped:
			g.escaped = false
		case g.quoted && c == '\\':
			g.escaped = true
		case c == '"':
			g.quoted, g.run = !g.quoted, 0
		case !g.quoted && (c == ',' || c == ':' || c == '{' || c == '}' || c == '[' || c == ']'):
			g.run = 0
		}
		if g.run > maxToken {
			return 0, fmt.Errorf("value too long: limit is %d MiB", maxToken>>20)
		}
	}
	return n, err
}
