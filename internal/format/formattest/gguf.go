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

// tensorTypes are some tensor types by number, with the elements and the bytes of a block.
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

// Tensor describes a tensor. Its weights are zeros.
type Tensor struct {
	Name string
	Kind uint32
	Dims []uint64
}

// TinyLlama returns a small model with all metadata that package gguf interprets.
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

// Header encodes the part of the file before the weights, padding included, and returns the size of the weights in bytes.
func (g *GGUF) Header() ([]byte, uint64) {
	b := []byte("GGUF")
	b = g.Order.AppendUint32(b, g.Version)
	b = g.appendLength(b, uint64(len(g.Tensors)))
	b = g.appendLength(b, uint64(len(g.Keys)))
	for _, kv := range g.Keys {
		b = g.appendValue(g.appendText(b, kv.Key), kv.Value, true)
	}
	var offset uint64
	for _, t := range g.Tensors {
		b = g.Order.AppendUint32(g.appendText(b, t.Name), uint32(len(t.Dims)))
		elements := uint64(1)
		for _, d := range t.Dims {
			b = g.appendLength(b, d)
			elements *= d
		}
		b = g.Order.AppendUint64(g.Order.AppendUint32(b, t.Kind), offset)
		offset += elements / tensorTypes[t.Kind].block * tensorTypes[t.Kind].size
	}
	return append(b, make([]byte, (32-len(b)%32)%32)...), offset
}

func (g *GGUF) appendLength(b []byte, n uint64) []byte {
	if g.Version == 1 {
		return g.Order.AppendUint32(b, uint32(n))
	}
	return g.Order.AppendUint64(b, n)
}

func (g *GGUF) appendText(b []byte, s string) []byte {
	return append(g.appendLength(b, uint64(len(s))), s...)
}

// appendValue appends a value. If typed is true, the number of its type precedes it.
func (g *GGUF) appendValue(b []byte, v any, typed bool) []byte {
	appendType := func(k uint32) {
		if typed {
			b = g.Order.AppendUint32(b, k)
		}
	}
	switch v := v.(type) {
	case uint16:
		appendType(typeUint16)
		return g.Order.AppendUint16(b, v)
	case uint32:
		appendType(typeUint32)
		return g.Order.AppendUint32(b, v)
	case int64:
		appendType(typeInt64)
		return g.Order.AppendUint64(b, uint64(v))
	case float32:
		appendType(typeFloat32)
		return g.Order.AppendUint32(b, math.Float32bits(v))
	case bool:
		appendType(typeBool)
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case string:
		appendType(typeString)
		return g.appendText(b, v)
	case []string:
		appendType(typeArray)
		b = g.appendLength(g.Order.AppendUint32(b, typeString), uint64(len(v)))
		for _, s := range v {
			b = g.appendValue(b, s, false)
		}
	case []float32:
		appendType(typeArray)
		b = g.appendLength(g.Order.AppendUint32(b, typeFloat32), uint64(len(v)))
		for _, f := range v {
			b = g.appendValue(b, f, false)
		}
	}
	return b
}
