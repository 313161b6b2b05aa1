package artifact

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// ggufImage makes GGUF files for tests, and the one in examples/model.
type ggufImage struct {
	order   binary.AppendByteOrder
	version uint32
	keys    []ggufPair
	tensors []ggufShape
}

type ggufPair struct {
	key   string
	value any
}

type ggufShape struct {
	name string
	kind uint32
	dims []uint64
}

// tinyLlama is a model that says everything a reader looks for.
func tinyLlama() *ggufImage {
	return &ggufImage{
		order: binary.LittleEndian, version: 3,
		keys: []ggufPair{
			{"general.architecture", "llama"},
			{"general.name", "Tiny Llama"},
			{"general.file_type", uint32(15)},
			{"llama.context_length", uint32(2048)},
			{"llama.attention.layer_norm_rms_epsilon", float32(1e-5)},
			{"tokenizer.ggml.add_bos_token", true},
			{"tokenizer.ggml.tokens", []string{"<s>", "</s>", "a"}},
		},
		tensors: []ggufShape{
			{"token_embd.weight", 12, []uint64{256, 4}},
			{"blk.0.attn_norm.weight", 0, []uint64{256}},
		},
	}
}

// bytes encodes the image, with zeros for weights.
func (g *ggufImage) bytes() []byte {
	b, data := g.header()
	return append(b, make([]byte, data)...)
}

// header encodes all but the weights, and tells how many bytes they have.
func (g *ggufImage) header() ([]byte, uint64) {
	b := []byte("GGUF")
	b = g.order.AppendUint32(b, g.version)
	b = g.length(b, uint64(len(g.tensors)))
	b = g.length(b, uint64(len(g.keys)))
	for _, kv := range g.keys {
		b = g.value(g.text(b, kv.key), kv.value, true)
	}
	var offset uint64
	for _, t := range g.tensors {
		b = g.order.AppendUint32(g.text(b, t.name), uint32(len(t.dims)))
		elements := uint64(1)
		for _, d := range t.dims {
			b = g.length(b, d)
			elements *= d
		}
		b = g.order.AppendUint64(g.order.AppendUint32(b, t.kind), offset)
		offset += elements / ggmlTypes[t.kind].block * ggmlTypes[t.kind].size
	}
	return append(b, make([]byte, (32-len(b)%32)%32)...), offset
}

func (g *ggufImage) length(b []byte, n uint64) []byte {
	if g.version == 1 {
		return g.order.AppendUint32(b, uint32(n))
	}
	return g.order.AppendUint64(b, n)
}

func (g *ggufImage) text(b []byte, s string) []byte {
	return append(g.length(b, uint64(len(s))), s...)
}

// value appends a value, with its type in front when typed.
func (g *ggufImage) value(b []byte, v any, typed bool) []byte {
	kind := func(k uint32) {
		if typed {
			b = g.order.AppendUint32(b, k)
		}
	}
	switch v := v.(type) {
	case uint32:
		kind(ggufUint32)
		return g.order.AppendUint32(b, v)
	case int64:
		kind(ggufInt64)
		return g.order.AppendUint64(b, uint64(v))
	case float32:
		kind(ggufFloat32)
		return g.order.AppendUint32(b, math.Float32bits(v))
	case bool:
		kind(ggufBool)
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case string:
		kind(ggufString)
		return g.text(b, v)
	case []string:
		kind(ggufArray)
		b = g.length(g.order.AppendUint32(b, ggufString), uint64(len(v)))
		for _, s := range v {
			b = g.value(b, s, false)
		}
	case []float32:
		kind(ggufArray)
		b = g.length(g.order.AppendUint32(b, ggufFloat32), uint64(len(v)))
		for _, f := range v {
			b = g.value(b, f, false)
		}
	}
	return b
}

func readGGUFBytes(b []byte) (*ggufFile, error) {
	return readGGUF(bytes.NewReader(b), int64(len(b)))
}

func TestReadGGUF(t *testing.T) {
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
	for name, change := range map[string]func(*ggufImage){
		"version 3":  func(*ggufImage) {},
		"version 2":  func(g *ggufImage) { g.version = 2 },
		"version 1":  func(g *ggufImage) { g.version = 1 },
		"big endian": func(g *ggufImage) { g.order = binary.BigEndian },
		"long arrays are passed over": func(g *ggufImage) {
			g.keys = append(g.keys, ggufPair{"scores", make([]float32, 60)}, ggufPair{"merges", make([]string, 60)})
		},
		"a shard's number is not kept": func(g *ggufImage) { g.keys = append(g.keys, ggufPair{"split.no", uint32(1)}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := tinyLlama()
			change(image)
			f, err := readGGUFBytes(image.bytes())
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(f.Metadata, want) {
				t.Errorf("metadata is %v, want %v", f.Metadata, want)
			}
			if f.Elements != 1280 || f.Tensors != 2 || f.Quantization() != "Q4_K_M" || f.Architecture() != "llama" || f.ContextSize() != 2048 {
				t.Errorf("got %d parameters in %d tensors, %s, %s, context %d", f.Elements, f.Tensors, f.Quantization(), f.Architecture(), f.ContextSize())
			}
		})
	}
}

func TestReadGGUFRefuses(t *testing.T) {
	t.Parallel()
	whole := tinyLlama().bytes()
	lie := func(at int, n uint64) []byte {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint64(b[at:], n)
		return b
	}
	huge := tinyLlama()
	huge.tensors[0].dims = []uint64{1 << 40, 1 << 40}
	hugeHeader, _ := huge.header()
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                {nil, "truncated GGUF"},
		"something else":       {[]byte("PK\x03\x04aaaaaaaa"), "not a GGUF file"},
		"unknown version":      {[]byte("GGUF\x04\x00\x00\x00"), "version 4 is not known"},
		"header cut":           {whole[:100], "the header goes on after byte 100"},
		"data cut":             {whole[:len(whole)-1], `tensor "blk.0.attn_norm.weight" ends at byte`},
		"more tensors":         {lie(8, 1<<40), "claims 1099511627776 tensors"},
		"negative tensors":     {lie(8, 1<<63), "a length of 9223372036854775808"},
		"more keys":            {lie(16, 1<<30), "claims 1073741824 metadata entries"},
		"key beyond file":      {lie(24, 1<<50), "a string of 1125899906842624 bytes"},
		"elements beyond sums": {hugeHeader, "more elements than can be counted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readGGUFBytes(tt.data)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func TestReadGGUFKeepsNoVocabulary(t *testing.T) {
	image := tinyLlama()
	image.keys = append(image.keys, ggufPair{"tokenizer.ggml.merges", slices.Repeat([]string{"a b"}, 200_000)})
	data := image.bytes()
	allocs := testing.AllocsPerRun(1, func() {
		if _, err := readGGUFBytes(data); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 1000 {
		t.Errorf("%.0f allocations for a vocabulary that is passed over", allocs)
	}
}

func TestMostlyGGML(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		counts map[uint32]int64
		want   string
	}{
		{nil, "Unknown"},
		{map[uint32]int64{0: 5}, "F32"},
		{map[uint32]int64{0: 50, 1: 5}, "F16"},
		{map[uint32]int64{0: 50, 8: 5}, "Q8_0"},
		{map[uint32]int64{12: 50, 14: 5}, "Q4_K_M"},
		{map[uint32]int64{12: 50, 14: 1}, "Q4_K_S"},
		{map[uint32]int64{11: 50, 13: 2}, "Q3_K_L"},
		{map[uint32]int64{2: 4, 3: 4}, "Q4_0"},
	} {
		if got := mostlyGGML(tt.counts); got != tt.want {
			t.Errorf("mostlyGGML(%v) is %s, want %s", tt.counts, got, tt.want)
		}
	}
}

func TestQuantity(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 183: "183", 1000: "1K", 361_821_120: "361.82M", 1_500_000_000: "1.50B"} {
		if got := parameterCount(n); got != want {
			t.Errorf("parameterCount(%d) is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0B", 864: "864B", 1000: "1KB", 1024: "1KiB", 268_800_000: "256.35MiB", 1 << 40: "1TiB"} {
		if got := byteSize(n); got != want {
			t.Errorf("byteSize(%d) is %s, want %s", n, got, want)
		}
	}
}

func FuzzReadGGUF(f *testing.F) {
	f.Add(tinyLlama().bytes())
	v1 := tinyLlama()
	v1.version, v1.order = 1, binary.BigEndian
	f.Add(v1.bytes())
	f.Add([]byte("GGUF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := readGGUFBytes(b)
		if err != nil {
			return
		}
		kept := 0
		for k, v := range g.Metadata {
			kept += len(k) + len(v)
		}
		if kept > maxGGUFKept*3 || g.Elements < 0 || g.DataSize < 0 || g.DataSize > int64(len(b)) {
			t.Errorf("kept %d bytes, %d parameters, %d bytes of data", kept, g.Elements, g.DataSize)
		}
	})
}
