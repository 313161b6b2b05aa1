package artifact

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
)

// safetensorsBytes is a file with the given header and so many bytes of data.
func safetensorsBytes(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

const tinySafetensors = `{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},` +
	`"b":{"dtype":"F16","shape":[],"data_offsets":[12,14],"extra":{"x":[1,{"y":null}]}}} `

func readSafetensorsBytes(b []byte) (*safetensorsFile, error) {
	return readSafetensors(bytes.NewReader(b), int64(len(b)))
}

func TestReadSafetensors(t *testing.T) {
	t.Parallel()
	f, err := readSafetensorsBytes(safetensorsBytes(tinySafetensors, 14))
	if err != nil {
		t.Fatal(err)
	}
	if f.Elements != 7 || f.Tensors != 2 || f.Quantization() != "F16" || !maps.Equal(f.Metadata, map[string]string{"format": "pt"}) {
		t.Errorf("got %d parameters in %d tensors of %s, metadata %v", f.Elements, f.Tensors, f.Quantization(), f.Metadata)
	}
	mixed, err := readSafetensorsBytes(safetensorsBytes(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"I8","shape":[4],"data_offsets":[4,8]}}`, 8))
	if err != nil || mixed.Quantization() != "mixed" {
		t.Errorf("two types are %v, %v", mixed, err)
	}
}

func TestReadSafetensorsRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxSafetensorsToken+2)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                {nil, "0 bytes are no header"},
		"header beyond limit":  {[]byte("<!doctype html>"), "its header would have"},
		"header cut":           {safetensorsBytes(tinySafetensors, 0)[:60], "truncated safetensors: the header has"},
		"data cut":             {safetensorsBytes(tinySafetensors, 13), "its tensors end at byte"},
		"data left over":       {safetensorsBytes(tinySafetensors, 15), "the file holds 15 for them"},
		"not JSON":             {safetensorsBytes("a", 0), "invalid character"},
		"not an object":        {safetensorsBytes("[]", 0), "[ where { is expected"},
		"JSON ends early":      {safetensorsBytes(`{"a":`, 0), "it ends too early"},
		"shape and length":     {safetensorsBytes(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), "[2] elements of F32 in 4 bytes"},
		"shape too large":      {safetensorsBytes(`{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}`, 4), "more elements than can be counted"},
		"negative dimension":   {safetensorsBytes(`{"a":{"dtype":"X","shape":[-1],"data_offsets":[0,4]}}`, 4), "more elements than can be counted"},
		"offsets backwards":    {safetensorsBytes(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), "not a beginning and an end"},
		"fraction":             {safetensorsBytes(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4), "1.5 where"},
		"a huge string":        {safetensorsBytes(`{"__metadata__":{"a":"`+long+`"}}`, 0), "a value of more than"},
		"nested without bound": {safetensorsBytes(`{"a":{"x":`+strings.Repeat("[", 100)+`}}`, 0), "inside each other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := readSafetensorsBytes(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
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
	} {
		got, err := missingShards(tt.paths)
		if !slices.Equal(got, tt.want) || (err != nil) != tt.wantErr {
			t.Errorf("missingShards(%q) is %q, %v, want %q", tt.paths, got, err, tt.want)
		}
	}
}

func FuzzReadSafetensors(f *testing.F) {
	f.Add(safetensorsBytes(tinySafetensors, 14))
	f.Add(safetensorsBytes(`{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}`, 2))
	f.Add([]byte{2, 0, 0, 0, 0, 0, 0, 0, '{', '}'})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSafetensorsBytes(b)
		if err != nil {
			return
		}
		if s.Elements < 0 || s.data != s.end && s.data > int64(len(b)) || s.end > int64(len(b)) || len(s.DTypes) > 64 {
			t.Errorf("%d parameters, %d of %d bytes, %d types", s.Elements, s.data, len(b), len(s.DTypes))
		}
	})
}
