package gguf

import (
	"bytes"
	"encoding/binary"
	"maps"
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
		"long arrays are skipped": func(g *formattest.GGUF) {
			g.Keys = append(g.Keys, formattest.Pair{Key: "scores", Value: make([]float32, 60)}, formattest.Pair{Key: "merges", Value: make([]string, 60)})
		},
		"a shard's number is not kept": func(g *formattest.GGUF) { g.Keys = append(g.Keys, formattest.Pair{Key: "split.no", Value: uint32(1)}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := formattest.TinyLlama()
			change(image)
			f, err := readBytes(image.Bytes())
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

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	whole := formattest.TinyLlama().Bytes()
	lie := func(at int, n uint64) []byte {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint64(b[at:], n)
		return b
	}
	huge := formattest.TinyLlama()
	huge.Tensors[0].Dims = []uint64{1 << 40, 1 << 40}
	hugeHeader, _ := huge.Header()
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                {nil, "truncated GGUF"},
		"something else":       {[]byte("PK\x03\x04aaaaaaaa"), "not a GGUF file"},
		"unknown version":      {[]byte("GGUF\x04\x00\x00\x00"), "unsupported GGUF version 4"},
		"header cut":           {whole[:100], "the header continues after byte 100"},
		"data cut":             {whole[:len(whole)-1], `tensor "blk.0.attn_norm.weight" ends at byte`},
		"more tensors":         {lie(8, 1<<40), "1099511627776 tensors do not fit"},
		"negative tensors":     {lie(8, 1<<63), "a length of 9223372036854775808"},
		"more keys":            {lie(16, 1<<30), "1073741824 metadata entries do not fit"},
		"key beyond file":      {lie(24, 1<<50), "a string of 1125899906842624 bytes"},
		"elements beyond sums": {hugeHeader, "overflows"},
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
	image := formattest.TinyLlama()
	image.Keys = append(image.Keys, formattest.Pair{Key: "tokenizer.ggml.merges", Value: slices.Repeat([]string{"a b"}, 200_000)})
	data := image.Bytes()
	allocs := testing.AllocsPerRun(1, func() {
		if _, err := readBytes(data); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 1000 {
		t.Errorf("%.0f allocations for a vocabulary that is skipped", allocs)
	}
}

func TestMostly(t *testing.T) {
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
		if got := mostly(tt.counts); got != tt.want {
			t.Errorf("mostly(%v) = %s, want %s", tt.counts, got, tt.want)
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
			t.Errorf("kept %d bytes, %d parameters, %d bytes of data", kept, g.Elements, g.DataSize)
		}
	})
}
