package weights_test

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/davit-oci/davit/internal/format/weights"
)

func TestReadHead(t *testing.T) {
	t.Parallel()
	gguf, err := os.ReadFile("../../../examples/model/tiny-llama.gguf")
	if err != nil {
		t.Fatal(err)
	}
	header := `{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]}}`
	safetensors := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	for _, test := range []struct {
		name                   string
		head                   []byte
		size                   int64
		format, quant          string
		tensors                int64
		key, value, parameters string
	}{
		{"GGUF", gguf, int64(len(gguf)), "gguf", "Q4_K_M", 2, "general.architecture", "llama", ""},
		{"the beginning of GGUF", gguf[:200], int64(len(gguf)), "gguf", "Q4_K_M", 2, "general.architecture", "llama", ""},
		{"safetensors", safetensors, int64(len(safetensors)) + 12, "safetensors", "BF16", 2, "format", "pt", "6"},
		{"the beginning of safetensors", safetensors[:100], int64(len(safetensors)) + 12, "safetensors", "BF16", 0, "format", "pt", ""},
	} {
		w, ok := weights.ReadHead(test.head, test.size)
		if !ok {
			t.Errorf("%s: ok: got false, want true", test.name)
			continue
		}
		if w.Format != test.format || w.Quantization != test.quant || w.Tensors != test.tensors || w.Metadata[test.key] != test.value || w.Parameters != test.parameters {
			t.Errorf("%s: got %+v, want %s of %d tensors, %s, and %q parameters", test.name, w, test.format, test.tensors, test.quant, test.parameters)
		}
	}
	for _, other := range []string{"", "GGUF", "hello, this is a text", "\x10\x00\x00\x00\x00\x00\x00\x00{\"a\":1}         ", "\xff\xff\xff\xff\xff\xff\xff\xff{}"} {
		if w, ok := weights.ReadHead([]byte(other), 1<<20); ok {
			t.Errorf("%q: got %+v, want ok to be false", other, w)
		}
	}
}

func TestMissingShards(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		paths, want []string
		wantErr     bool
	}{
		{paths: []string{"model.safetensors"}},
		{paths: []string{"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}},
		{
			paths: []string{"d/m-00002-of-00003.safetensors", "m-00003-of-00003.safetensors"},
			want: []string{"d/m-00001-of-00003.safetensors", "d/m-00003-of-00003.safetensors",
				"m-00001-of-00003.safetensors", "m-00002-of-00003.safetensors"},
		},
		{paths: []string{"m-00004-of-00003.gguf"}, wantErr: true},
		{paths: []string{"m-00000-of-00003.gguf"}, wantErr: true},
		{paths: []string{"m-00001-of-00002.safetensors", "m-00000-of-00002.safetensors"}},
		{paths: []string{"m-00000-of-00002.safetensors"}, want: []string{"m-00001-of-00002.safetensors"}},
		{paths: []string{"m-00000-of-00001.safetensors", "m-00001-of-00001.safetensors"}}, // gpt-oss numbers from 0 up to the count
		{paths: []string{"m-00000-of-00002.safetensors", "m-00002-of-00002.safetensors"}, want: []string{"m-00001-of-00002.safetensors"}},
		{paths: []string{"m-00000-of-00002.safetensors", "m-00003-of-00002.safetensors"}, wantErr: true},
		{paths: []string{"m-00002-of-000003.safetensors", "m-00003-of-000003.safetensors"}, want: []string{"m-00001-of-000003.safetensors"}},
		{paths: []string{"pytorch_model-00001-of-00002.bin"}, want: []string{"pytorch_model-00002-of-00002.bin"}},
	} {
		got, err := weights.MissingShards(tt.paths)
		if !slices.Equal(got, tt.want) || (err != nil) != tt.wantErr {
			t.Errorf("MissingShards(%q) = %q, %v, want %q, error %t", tt.paths, got, err, tt.want, tt.wantErr)
		}
	}
}
