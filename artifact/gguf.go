package artifact

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// The limits of a GGUF header. Real ones stay far below: a vocabulary of 256k tokens makes some 20 MiB of header that
// are skipped, not kept, and the largest models have a few thousand tensors.
const (
	maxGGUFHeader  = 512 << 20 // bytes read of one file
	maxGGUFKeys    = 1 << 16   // metadata entries
	maxGGUFTensors = 1 << 20   // tensors; a few bytes of each are looked at, none is kept
	maxGGUFString  = 1 << 20   // a longer string (a chat template is some KiB) is skipped, not kept
	maxGGUFKept    = 1 << 20   // all metadata kept; it has to fit into a config
	maxGGUFArray   = 50        // a longer array is left out of the metadata, as Docker Model Runner does
)

// ggufFile is what the header of one GGUF file says.
type ggufFile struct {
	Metadata    map[string]string // as Docker Model Runner writes it: numbers and bools as text, short arrays joined
	Tensors     int64
	Elements    int64 // parameters in all tensors
	DataSize    int64 // bytes of tensor data
	FileType    int64 // general.file_type; -1: the file doesn't say
	tensorTypes map[uint32]int64
	diffusion   bool // tensor names are those of a diffusion model
}

// readGGUF reads the header of a GGUF file of versions 1 to 3, in either byte order. The file must be as long as its
// tensors say. Nothing is allocated by a length that the file claims.
func readGGUF(r io.ReaderAt, size int64) (*ggufFile, error) {
	g := &ggufReader{in: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10), size: size}
	f, err := g.read()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("truncated GGUF: the header goes on after byte %d, where the file ends", size)
	}
	return f, err
}

// Architecture is the model's architecture, "llama" where nothing says otherwise, as llama.cpp's tools assume.
func (f *ggufFile) Architecture() string {
	if s := f.Metadata["general.architecture"]; s != "" {
		return s
	}
	if f.diffusion {
		return "diffusion"
	}
	return "llama"
}

// ContextSize is the context the model was trained with; 0: unknown.
func (f *ggufFile) ContextSize() int64 {
	n, err := strconv.ParseInt(f.Metadata[f.Architecture()+".context_length"], 10, 64)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0
	}
	return n
}

// ggufReader reads little by little and refuses what reaches beyond the file.
type ggufReader struct {
	in      *bufio.Reader
	order   binary.ByteOrder
	version uint32
	size    int64
	pos     int64
	kept    int // bytes of metadata kept
	buf     [8]byte
}

func (g *ggufReader) read() (*ggufFile, error) {
	if err := g.readVersion(); err != nil {
		return nil, err
	}
	tensors, err := g.count("tensors", maxGGUFTensors)
	if err != nil {
		return nil, err
	}
	keys, err := g.count("metadata entries", maxGGUFKeys)
	if err != nil {
		return nil, err
	}
	f := &ggufFile{Metadata: map[string]string{}, FileType: -1, Tensors: tensors, tensorTypes: map[uint32]int64{}}
	align := int64(32)
	for range keys {
		if err := g.readEntry(f, &align); err != nil {
			return nil, err
		}
	}
	var last ggufExtent
	for range tensors {
		extent, err := g.readTensor(f)
		if err != nil {
			return nil, err
		}
		if extent.end > last.end {
			last = extent
		}
	}
	return f, g.finish(f, align, last)
}

// finish checks that the tensors lie inside the file.
func (g *ggufReader) finish(f *ggufFile, align int64, last ggufExtent) error {
	start := (g.pos + align - 1) / align * align
	if last.end > 0 && last.end > max(g.size-start, 0) {
		return fmt.Errorf("truncated GGUF: tensor %q ends at byte %d, the file has %d", last.name, start+last.end, g.size)
	}
	// Docker Model Runner counts a whole alignment where none is needed; its sizes are those people compare with.
	f.DataSize = max(g.size-(g.pos+align-g.pos%align), 0)
	return nil
}

func (g *ggufReader) readVersion() error {
	g.order = binary.LittleEndian
	magic, err := g.bytes(4)
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
	if g.version, err = g.uint32(); err != nil {
		return err
	}
	// Big-endian files of llama.cpp keep the magic as it is; their version then seems to be a multiple of 65536.
	if g.version&0xffff == 0 {
		g.version, g.order = bits.ReverseBytes32(g.version), binary.BigEndian
	}
	if g.version < 1 || g.version > 3 {
		return fmt.Errorf("GGUF version %d is not known (1 to 3 are)", g.version)
	}
	return nil
}

// readEntry reads one metadata entry into f.
func (g *ggufReader) readEntry(f *ggufFile, align *int64) error {
	key, _, err := g.text()
	if err != nil {
		return err
	}
	kind, err := g.uint32()
	if err != nil {
		return err
	}
	text, keep, err := g.value(kind)
	if err != nil {
		return fmt.Errorf("GGUF metadata %q: %w", key, err)
	}
	switch key {
	case "general.alignment":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > 1<<20 {
			return fmt.Errorf("GGUF metadata %q: %s is no alignment", key, text)
		}
		*align = n
	case "general.file_type":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			f.FileType = n
		}
	case "split.no": // tells the shards apart, says nothing about the model
		return nil
	}
	if _, again := f.Metadata[key]; keep && !again && g.kept+len(key)+len(text) <= maxGGUFKept {
		g.kept += len(key) + len(text)
		f.Metadata[key] = text
	}
	return nil
}

// The types of GGUF metadata values.
const (
	ggufUint8 = iota
	ggufInt8
	ggufUint16
	ggufInt16
	ggufUint32
	ggufInt32
	ggufFloat32
	ggufBool
	ggufString
	ggufArray
	ggufUint64
	ggufInt64
	ggufFloat64
)

// ggufWidths are the bytes of the values of fixed width.
var ggufWidths = map[uint32]int64{ggufUint8: 1, ggufInt8: 1, ggufUint16: 2, ggufInt16: 2, ggufUint32: 4, ggufInt32: 4,
	ggufFloat32: 4, ggufBool: 1, ggufUint64: 8, ggufInt64: 8, ggufFloat64: 8}

// value reads a metadata value as text; keep is false for what is too long to be kept.
func (g *ggufReader) value(kind uint32) (text string, keep bool, err error) {
	switch kind {
	case ggufString:
		return g.text()
	case ggufArray:
		return g.array()
	}
	width, ok := ggufWidths[kind]
	if !ok {
		return "", false, fmt.Errorf("value type %d is not known", kind)
	}
	b, err := g.bytes(width)
	if err != nil {
		return "", false, err
	}
	return ggufNumber(kind, g.order, b), true, nil
}

// ggufNumber is a value of fixed width as text.
func ggufNumber(kind uint32, order binary.ByteOrder, b []byte) string {
	var n uint64
	switch len(b) {
	case 1:
		n = uint64(b[0])
	case 2:
		n = uint64(order.Uint16(b))
	case 4:
		n = uint64(order.Uint32(b))
	default:
		n = order.Uint64(b)
	}
	switch kind {
	case ggufInt8:
		return strconv.Itoa(int(int8(n)))
	case ggufInt16:
		return strconv.Itoa(int(int16(n)))
	case ggufInt32:
		return strconv.Itoa(int(int32(n)))
	case ggufInt64:
		return strconv.FormatInt(int64(n), 10)
	case ggufFloat32:
		return fmt.Sprintf("%f", math.Float32frombits(uint32(n)))
	case ggufFloat64:
		return fmt.Sprintf("%f", math.Float64frombits(n))
	case ggufBool:
		return strconv.FormatBool(n != 0)
	}
	return strconv.FormatUint(n, 10)
}

// array reads an array: a short one as its joined values, a longer one is skipped.
func (g *ggufReader) array() (text string, keep bool, err error) {
	kind, err := g.uint32()
	if err != nil {
		return "", false, err
	}
	if kind == ggufArray {
		return "", false, errors.New("arrays of arrays are not part of the format")
	}
	n, err := g.length()
	if err != nil {
		return "", false, err
	}
	if n > maxGGUFArray {
		return "", false, g.skipArray(kind, n)
	}
	texts, kept := make([]string, n), 0
	for i := range texts {
		if texts[i], keep, err = g.value(kind); err != nil {
			return "", false, err
		}
		if kept += len(texts[i]); !keep || kept > maxGGUFKept {
			return "", false, g.skipArray(kind, n-int64(i)-1)
		}
	}
	return strings.Join(texts, ", "), true, nil
}

// skipArray passes over n values of an array.
func (g *ggufReader) skipArray(kind uint32, n int64) error {
	if width, ok := ggufWidths[kind]; ok {
		if n > g.size/width {
			return fmt.Errorf("an array of %d values in a file of %d bytes", n, g.size)
		}
		return g.skip(n * width)
	}
	if kind != ggufString {
		return fmt.Errorf("value type %d is not known", kind)
	}
	for range n {
		length, err := g.length()
		if err != nil {
			return err
		}
		if err := g.skip(length); err != nil {
			return err
		}
	}
	return nil
}

// ggufExtent is where a tensor ends, counted from the beginning of the tensor data.
type ggufExtent struct {
	name string
	end  int64
}

// readTensor reads one tensor info and counts it.
func (g *ggufReader) readTensor(f *ggufFile) (ggufExtent, error) {
	name, _, err := g.text()
	if err != nil {
		return ggufExtent{}, err
	}
	dims, err := g.dimensions()
	if err != nil {
		return ggufExtent{}, fmt.Errorf("GGUF tensor %q: %w", name, err)
	}
	kind, err := g.uint32()
	if err != nil {
		return ggufExtent{}, err
	}
	offset, err := g.uint64()
	if err != nil {
		return ggufExtent{}, err
	}
	elements, err := product(dims)
	if err != nil {
		return ggufExtent{}, fmt.Errorf("GGUF tensor %q: %w", name, err)
	}
	f.count(name, kind, elements)
	if f.Elements < 0 {
		return ggufExtent{}, fmt.Errorf("GGUF tensor %q: more parameters than can be counted", name)
	}
	end, err := ggmlEnd(kind, offset, elements)
	if err != nil {
		return ggufExtent{}, fmt.Errorf("GGUF tensor %q: %w", name, err)
	}
	return ggufExtent{name, end}, nil
}

// count adds a tensor to what is known of the model.
func (f *ggufFile) count(name string, kind uint32, elements int64) {
	f.Elements += elements // a negative sum is an overflow
	if int(kind) < len(ggmlTypes) {
		f.tensorTypes[kind]++
	}
	for _, prefix := range [...]string{"model.diffusion_model.", "double_blocks.", "joint_blocks.", "decoder.", "encoder.", "text_model."} {
		f.diffusion = f.diffusion || strings.HasPrefix(name, prefix)
	}
}

// dimensions reads the shape of a tensor.
func (g *ggufReader) dimensions() ([]int64, error) {
	n, err := g.uint32()
	if err != nil {
		return nil, err
	}
	if n < 1 || n > 4 {
		return nil, fmt.Errorf("%d dimensions, 1 to 4 are possible", n)
	}
	dims := make([]int64, n)
	for i := range dims {
		if dims[i], err = g.length(); err != nil {
			return nil, err
		}
	}
	return dims, nil
}

// product multiplies a shape.
func product(dims []int64) (int64, error) {
	n := uint64(1)
	for _, d := range dims {
		hi, lo := bits.Mul64(n, uint64(d))
		if d < 0 || hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("a shape of %v has more elements than can be counted", dims)
		}
		n = lo
	}
	return int64(n), nil
}

// ggmlEnd is where the data of a tensor ends; 0 where its type is not known.
func ggmlEnd(kind uint32, offset uint64, elements int64) (int64, error) {
	if int(kind) >= len(ggmlTypes) || ggmlTypes[kind].block == 0 {
		return 0, nil
	}
	t := ggmlTypes[kind]
	hi, n := bits.Mul64(uint64(elements)/t.block, t.size)
	end, carry := bits.Add64(offset, n, 0)
	if hi != 0 || carry != 0 || end > math.MaxInt64 {
		return 0, fmt.Errorf("data at offset %d is beyond any file", offset)
	}
	return int64(end), nil
}

// count reads a number of things, at least nine bytes each, that have to fit into the rest of the file.
func (g *ggufReader) count(what string, limit int64) (int64, error) {
	n, err := g.length()
	if err != nil {
		return 0, err
	}
	if n < 0 || n > (g.size-g.pos)/9 {
		return 0, fmt.Errorf("the GGUF header claims %d %s in a file of %d bytes", uint64(n), what, g.size)
	}
	if n > limit {
		return 0, fmt.Errorf("the GGUF header has %d %s, more than %d", n, what, limit)
	}
	return n, nil
}

// length reads a length or dimension: 32 bits in version 1, 64 later.
func (g *ggufReader) length() (int64, error) {
	if g.version == 1 {
		n, err := g.uint32()
		return int64(n), err
	}
	n, err := g.uint64()
	if err == nil && n > math.MaxInt64 {
		err = fmt.Errorf("a length of %d in a file of %d bytes", n, g.size)
	}
	return int64(n), err
}

// text reads a string; a very long one is skipped.
func (g *ggufReader) text() (text string, keep bool, err error) {
	n, err := g.length()
	if err != nil {
		return "", false, err
	}
	if n > g.size-g.pos {
		return "", false, fmt.Errorf("a string of %d bytes at byte %d of a file of %d", n, g.pos, g.size)
	}
	if n > maxGGUFString {
		return "", false, g.skip(n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(g.in, b); err != nil {
		return "", false, err
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "\ufffd"), true, g.advance(n)
}

func (g *ggufReader) uint32() (uint32, error) {
	b, err := g.bytes(4)
	if err != nil {
		return 0, err
	}
	return g.order.Uint32(b), nil
}

func (g *ggufReader) uint64() (uint64, error) {
	b, err := g.bytes(8)
	if err != nil {
		return 0, err
	}
	return g.order.Uint64(b), nil
}

// bytes reads at most eight bytes.
func (g *ggufReader) bytes(n int64) ([]byte, error) {
	b := g.buf[:n]
	if _, err := io.ReadFull(g.in, b); err != nil {
		return nil, err
	}
	return b, g.advance(n)
}

func (g *ggufReader) skip(n int64) error {
	if n < 0 || n > g.size-g.pos {
		return io.ErrUnexpectedEOF
	}
	if err := g.advance(n); err != nil {
		return err
	}
	_, err := g.in.Discard(int(n))
	return err
}

func (g *ggufReader) advance(n int64) error {
	g.pos += n
	if g.pos > maxGGUFHeader {
		return fmt.Errorf("the GGUF header is longer than %d MiB", maxGGUFHeader>>20)
	}
	return nil
}

// ggmlType is a type of tensor data: so many elements make a block of so many bytes.
type ggmlType struct {
	name        string
	block, size uint64
}

// ggmlTypes are the tensor types of ggml by number. A type without a block size is no longer in use.
var ggmlTypes = [...]ggmlType{
	{"F32", 1, 4}, {"F16", 1, 2}, {"Q4_0", 32, 18}, {"Q4_1", 32, 20}, {"Q4_2", 0, 0}, {"Q4_3", 0, 0}, {"Q5_0", 32, 22},
	{"Q5_1", 32, 24}, {"Q8_0", 32, 34}, {"Q8_1", 32, 36}, {"Q2_K", 256, 84}, {"Q3_K", 256, 110}, {"Q4_K", 256, 144},
	{"Q5_K", 256, 176}, {"Q6_K", 256, 210}, {"Q8_K", 256, 292}, {"IQ2_XXS", 256, 66}, {"IQ2_XS", 256, 74},
	{"IQ3_XXS", 256, 98}, {"IQ1_S", 256, 50}, {"IQ4_NL", 32, 18}, {"IQ3_S", 256, 110}, {"IQ2_S", 256, 82},
	{"IQ4_XS", 256, 136}, {"I8", 1, 1}, {"I16", 1, 2}, {"I32", 1, 4}, {"I64", 1, 8}, {"F64", 1, 8}, {"IQ1_M", 256, 56},
	{"BF16", 1, 2}, {"Q4_0_4_4", 32, 18}, {"Q4_0_4_8", 32, 18}, {"Q4_0_8_8", 32, 18}, {"TQ1_0", 256, 54},
	{"TQ2_0", 256, 66}, {"IQ4_NL_4_4", 32, 18}, {"IQ4_NL_4_8", 32, 18}, {"IQ4_NL_8_8", 32, 18}, {"MXFP4", 32, 17},
}

// ggufFileTypes are the values of general.file_type: what most tensors of the file are.
var ggufFileTypes = [...]string{
	"F32", "F16", "Q4_0", "Q4_1", "Q4_1_SOME_F16", "Q4_2", "Q4_3", "Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M",
	"Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS",
	"IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M", "IQ2_S", "IQ2_M", "IQ4_XS", "IQ1_M", "BF16", "Q4_0_4_4", "Q4_0_4_8",
	"Q4_0_8_8", "TQ1_0", "TQ2_0", "MXFP4",
}

// Quantization names what most tensors are: by general.file_type, else by counting them. Docker Model Runner puts
// MOSTLY_ before what its parser reads; people, tags and older clients write the plain name.
func (f *ggufFile) Quantization() string {
	if f.FileType >= 0 && f.FileType < int64(len(ggufFileTypes)) {
		return ggufFileTypes[f.FileType]
	}
	return mostlyGGML(f.tensorTypes)
}

// mostlyGGML names the mix of tensor types that a file without general.file_type has. llama.cpp keeps norms in F32 and
// gives a few tensors of a K mix more bits: those decide between _S, _M and _L.
func mostlyGGML(counts map[uint32]int64) string {
	const f32, q8_0, q3k, q4k, q5k, q6k = 0, 8, 11, 12, 13, 14
	kinds := make([]uint32, 0, len(counts))
	for kind := range counts {
		if kind != f32 {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		if counts[f32] > 0 {
			return "F32"
		}
		return "Unknown"
	}
	most := slices.MaxFunc(kinds, func(a, b uint32) int {
		if counts[a] != counts[b] {
			return int(counts[a] - counts[b])
		}
		return int(b) - int(a)
	})
	size := "_S"
	switch {
	case most == q3k && (counts[q8_0] > 0 || counts[q5k] > 1 && counts[q4k] == 0):
		size = "_L"
	case most == q3k && counts[q4k] > 1, most == q4k && counts[q6k] > 1, most == q5k && counts[q6k] > 1:
		size = "_M"
	}
	if most == q3k || most == q4k || most == q5k {
		return ggmlTypes[most].name + size
	}
	return ggmlTypes[most].name
}
