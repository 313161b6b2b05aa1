package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
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
	want := map[string]string{
		"general.architecture":                   "llama",
		"general.name":                           "Tiny Llama",
		"general.file_type":                      "15",
		"llama.context_length":                   "2048",
		"llama.attention.layer_norm_rms_epsilon": "0.000010",
		"tokenizer.ggml.add_bos_token":           "true",
		"tokenizer.ggml.tokens":                  "<s>, </s>, a",
	}
	for name, change := range map[string]func(*formattest.GGUF){
		"version 3":  func(*formattest.GGUF) {},
		"version 2":  func(g *formattest.GGUF) { g.Version = 2 },
		"version 1":  func(g *formattest.GGUF) { g.Version = 1 },
		"big endian": func(g *formattest.GGUF) { g.Order = binary.BigEndian },
		"long arrays, not kept": func(g *formattest.GGUF) {
			g.Keys = append(g.Keys, formattest.Pair{Key: "scores", Value: make([]float32, 60)}, formattest.Pair{Key: "merges", Value: make([]string, 60)})
		},
		"number of a shard, not kept": func(g *formattest.GGUF) { g.Keys = append(g.Keys, formattest.Pair{Key: "split.no", Value: uint32(1)}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := formattest.TinyLlama()
			change(model)
			f, err := readBytes(model.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(f.Metadata, want) {
				t.Errorf("metadata: got %v, want %v", f.Metadata, want)
			}
			if f.Elements != 1280 || f.Tensors != 2 || f.Quantization() != "Q4_K_M" || f.Architecture() != "llama" || f.ContextSize() != 2048 {
				t.Errorf("got %d parameters in %d tensors, %s, %s, context %d, want 1280 in 2, Q4_K_M, llama, 2048", f.Elements, f.Tensors, f.Quantization(), f.Architecture(), f.ContextSize())
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	valid := formattest.TinyLlama().Bytes()
	withNumber := func(at int, n uint64) []byte {
		b := bytes.Clone(valid)
		binary.LittleEndian.PutUint64(b[at:], n)
		return b
	}
	huge := formattest.TinyLlama()
	huge.Tensors[0].Dims = []uint64{1 << 40, 1 << 40}
	hugeHeader, _ := huge.Header()
	header, _ := formattest.TinyLlama().Header()
	const last = "blk.0.attn_norm.weight" // one dimension, a type, and an offset follow
	offsetAt := bytes.Index(header, []byte(last)) + len(last) + 4 + 8 + 4
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                        {nil, "truncated GGUF"},
		"another format":               {[]byte("PK\x03\x04aaaaaaaa"), "not a GGUF file"},
		"unknown version":              {[]byte("GGUF\x04\x00\x00\x00"), "unsupported GGUF version 4"},
		"truncated header":             {valid[:100], "file ends at byte 100, inside the header"},
		"truncated data":               {valid[:len(valid)-1], `tensor "blk.0.attn_norm.weight" ends at byte`},
		"tensor at max int64":          {withNumber(offsetAt, math.MaxInt64-1024), fmt.Sprintf("ends at byte %d, but", uint64(len(header))+math.MaxInt64)},
		"offset overflow":              {withNumber(offsetAt, math.MaxUint64), "the end of the data overflows"},
		"tensor count beyond the file": {withNumber(8, 1<<40), "1099511627776 tensors do not fit"},
		"tensor count above int64":     {withNumber(8, 1<<63), "a length of 9223372036854775808"},
		"key count beyond the file":    {withNumber(16, 1<<30), "1073741824 metadata entries do not fit"},
		"key beyond the file":          {withNumber(24, 1<<50), "a string of 1125899906842624 bytes"},
		"element count above int64":    {hugeHeader, "overflows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readBytes(tt.data)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func TestReadKeepsNoVocabulary(t *testing.T) {
	model := formattest.TinyLlama()
	model.Keys = append(model.Keys, formattest.Pair{Key: "tokenizer.ggml.merges", Value: slices.Repeat([]string{"a b"}, 200_000)})
	data := model.Bytes()
	allocs := testing.AllocsPerRun(1, func() {
		if _, err := readBytes(data); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 1000 {
		t.Errorf("got %.0f allocations for a skipped vocabulary, want at most 1000", allocs)
	}
}

func TestQuantization(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fileType int64
		arch     string
		types    map[uint32]int64
		want     string
	}{
		{-1, "", nil, "Unknown"},
		{-1, "", map[uint32]int64{0: 5}, "F32"},
		{-1, "", map[uint32]int64{0: 50, 1: 5}, "F16"},
		{-1, "", map[uint32]int64{0: 50, 8: 5}, "Q8_0"},
		{-1, "", map[uint32]int64{12: 50, 14: 5}, "Q4_K_M"},
		{-1, "", map[uint32]int64{12: 50, 14: 1}, "Q4_K_S"},
		{-1, "", map[uint32]int64{11: 50, 13: 2}, "Q3_K_L"},
		{-1, "", map[uint32]int64{2: 4, 3: 4}, "Q4_0"},
		{-1, "", map[uint32]int64{0: 50, 39: 4}, "MXFP4"},
		{-1, "bitnet-b1.58", map[uint32]int64{0: 50, 39: 4}, "TL2"},
		{-1, "", map[uint32]int64{0: 50, 40: 4}, "NVFP4"},
		{-1, "", map[uint32]int64{0: 50, 41: 4}, "Q1_0"},
		{-1, "", map[uint32]int64{0: 50, 42: 4}, "Q2_0"},
		{-1, "", map[uint32]int64{0: 50, 139: 4, 140: 1}, "IQ4_K"},
		{-1, "", map[uint32]int64{0: 50, 36: 4}, "Unknown"},
		{-1, "", map[uint32]int64{0: 50, 1: 1, unknownType: 4}, "Unknown"},
		{15, "", map[uint32]int64{0: 5}, "Q4_K_M"},
		{39, "", map[uint32]int64{0: 5, 40: 3, 39: 1}, "NVFP4"},
		{39, "", map[uint32]int64{0: 5, 39: 3}, "TL2"},
		{40, "", map[uint32]int64{0: 5, 41: 3}, "Q1_0"},
		{40, "llama", map[uint32]int64{0: 5, 36: 3}, "I2_S"},
		{41, "", nil, "Q2_0"},
		{140, "", map[uint32]int64{0: 5, 139: 3}, "IQ4_K"},
		{42, "", map[uint32]int64{0: 5, 12: 3}, "Unknown"},
		{9999, "", map[uint32]int64{0: 5, 12: 3}, "Unknown"},
	} {
		f := &File{FileType: tt.fileType, types: tt.types, Metadata: map[string]string{"general.architecture": tt.arch}}
		if got := f.Quantization(); got != tt.want {
			t.Errorf("file type %d, tensors %v of %q: got %s, want %s", tt.fileType, tt.types, tt.arch, got, tt.want)
		}
	}
}

func TestReadTakesAnyShape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind uint32
		dims []uint64
		want int64
		ok   bool
	}{
		{0, nil, 1, true}, {1, []uint64{2, 2, 1, 4, 8}, 128, true}, {77, []uint64{4}, 4, true}, {1<<32 - 1, []uint64{4}, 4, true},
		{0, slices.Repeat([]uint64{1}, 33), 0, false},
	} {
		model := formattest.TinyLlama()
		model.Tensors = []formattest.Tensor{{Name: "a", Kind: 0, Dims: tt.dims}}
		data := append(model.Bytes(), make([]byte, 64)...)
		at := bytes.LastIndex(data, []byte("a")) + 1 + 4 + 8*len(tt.dims)
		binary.LittleEndian.PutUint32(data[at:], tt.kind)
		f, err := readBytes(data)
		if (err == nil) != tt.ok || tt.ok && f.Elements != tt.want {
			t.Errorf("type %d, %d dimensions: got %+v, %v, want %d elements, valid %t", tt.kind, len(tt.dims), f, err, tt.want, tt.ok)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(formattest.TinyLlama().Bytes())
	v1 := formattest.TinyLlama()
	v1.Version, v1.Order = 1, binary.BigEndian
	f.Add(v1.Bytes())
	f.Add([]byte("GGUF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := readBytes(b)
		if err != nil {
			return
		}
		kept := 0
		for k, v := range g.Metadata {
			kept += len(k) + len(v)
		}
		if kept > maxKept*3 || g.Elements < 0 || g.DataSize < 0 || g.DataSize > int64(len(b)) {
			t.Errorf("got %d bytes of metadata, %d parameters, %d bytes of data, want them within the file and the limit", kept, g.Elements, g.DataSize)
		}
	})
}
