package formattest

import (
	"encoding/binary"
	"math"
)

// The types of metadata values.
const (
	typeUint16  = 2
	typeUint32  = 4
	typeFloat32 = 6
	typeBool    = 7
	typeString  = 8
	typeArray   = 9
	typeInt64   = 11
)

// tensorTypes are types of tensors by number: block elements take size bytes.
var tensorTypes = map[uint32]struct{ block, size uint64 }{0: {1, 4}, 1: {1, 2}, 8: {32, 34}, 12: {256, 144}, 14: {256, 210}}

// GGUF describes a GGUF file.
type GGUF struct {
	Order   binary.AppendByteOrder
	Version uint32
	Keys    []Pair
	Tensors []Tensor
}

// Pair is an entry of the metadata.
type Pair struct {
	Key   string
	Value any
}

// Tensor is a tensor with zeros for weights.
type Tensor struct {
	Name string
	Kind uint32
	Dims []uint64
}

// TinyLlama returns a model with all metadata that a reader looks for.
func TinyLlama() *GGUF {
	return &GGUF{
		Order: binary.LittleEndian, Version: 3,
		Keys: []Pair{
			{"general.architecture", "llama"},
			{"general.name", "Tiny Llama"},
			{"general.file_type", uint32(15)},
			{"llama.context_length", uint32(2048)},
			{"llama.attention.layer_norm_rms_epsilon", float32(1e-5)},
			{"tokenizer.ggml.add_bos_token", true},
			{"tokenizer.ggml.tokens", []string{"<s>", "</s>", "a"}},
		},
		Tensors: []Tensor{
			{"token_embd.weight", 12, []uint64{256, 4}},
			{"blk.0.attn_norm.weight", 0, []uint64{256}},
		},
	}
}

// Bytes encodes the file, with zeros for weights.
func (g *GGUF) Bytes() []byte {
	b, data := g.Header()
	return append(b, make([]byte, data)...)
}

// Header encodes all but the weights, and returns the size of those.
func (g *GGUF) Header() ([]byte, uint64) {
	b := []byte("GGUF")
	b = g.Order.AppendUint32(b, g.Version)
	b = g.length(b, uint64(len(g.Tensors)))
	b = g.length(b, uint64(len(g.Keys)))
	for _, kv := range g.Keys {
		b = g.value(g.text(b, kv.Key), kv.Value, true)
	}
	var offset uint64
	for _, t := range g.Tensors {
		b = g.Order.AppendUint32(g.text(b, t.Name), uint32(len(t.Dims)))
		elements := uint64(1)
		for _, d := range t.Dims {
			b = g.length(b, d)
			elements *= d
		}
		b = g.Order.AppendUint64(g.Order.AppendUint32(b, t.Kind), offset)
		offset += elements / tensorTypes[t.Kind].block * tensorTypes[t.Kind].size
	}
	return append(b, make([]byte, (32-len(b)%32)%32)...), offset
}

func (g *GGUF) length(b []byte, n uint64) []byte {
	if g.Version == 1 {
		return g.Order.AppendUint32(b, uint32(n))
	}
	return g.Order.AppendUint64(b, n)
}

func (g *GGUF) text(b []byte, s string) []byte {
	return append(g.length(b, uint64(len(s))), s...)
}

// value appends a value, and before it its type if typed.
func (g *GGUF) value(b []byte, v any, typed bool) []byte {
	kind := func(k uint32) {
		if typed {
			b = g.Order.AppendUint32(b, k)
		}
	}
	switch v := v.(type) {
	case uint16:
		kind(typeUint16)
		return g.Order.AppendUint16(b, v)
	case uint32:
		kind(typeUint32)
		return g.Order.AppendUint32(b, v)
	case int64:
		kind(typeInt64)
		return g.Order.AppendUint64(b, uint64(v))
	case float32:
		kind(typeFloat32)
		return g.Order.AppendUint32(b, math.Float32bits(v))
	case bool:
		kind(typeBool)
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case string:
		kind(typeString)
		return g.text(b, v)
	case []string:
		kind(typeArray)
		b = g.length(g.Order.AppendUint32(b, typeString), uint64(len(v)))
		for _, s := range v {
			b = g.value(b, s, false)
		}
	case []float32:
		kind(typeArray)
		b = g.length(g.Order.AppendUint32(b, typeFloat32), uint64(len(v)))
		for _, f := range v {
			b = g.value(b, f, false)
		}
	}
	return b
}
