package safetensors

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/formattest"
)

func readBytes(b []byte) (*File, error) {
	return Read(bytes.NewReader(b), int64(len(b)))
}

func TestRead(t *testing.T) {
	t.Parallel()
	f, err := readBytes(formattest.Safetensors(formattest.TinySafetensors, 14))
	if err != nil {
		t.Fatal(err)
	}
	if f.Elements != 7 || f.Tensors != 2 || f.Quantization() != "F16" || !maps.Equal(f.Metadata, map[string]string{"format": "pt"}) {
		t.Errorf("got %d parameters in %d tensors of %s, metadata %v, want 7 in 2 of F16, format pt", f.Elements, f.Tensors, f.Quantization(), f.Metadata)
	}
	mixed, err := readBytes(formattest.Safetensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"I8","shape":[4],"data_offsets":[4,8]}}`, 8))
	if err != nil || mixed.Quantization() != "mixed" {
		t.Errorf("two types: got %+v, %v, want mixed", mixed, err)
	}
	if _, err := readBytes(formattest.Safetensors(`{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4)); err != nil {
		t.Errorf("null as metadata: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxToken+2)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                             {nil, "0 bytes are too few"},
		"header beyond limit":               {[]byte("<!doctype html>"), "limit is 100 MB"},
		"truncated header":                  {formattest.Safetensors(formattest.TinySafetensors, 0)[:60], "truncated safetensors: header of"},
		"truncated data":                    {formattest.Safetensors(formattest.TinySafetensors, 13), "the tensors end at byte"},
		"tensor end at max int64":           {formattest.Safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[9223372036854775806,9223372036854775807]}}`, 1), "the tensors end at byte 92233720368547759"},
		"data after the tensors":            {formattest.Safetensors(formattest.TinySafetensors, 15), "but 15 bytes follow the header"},
		"not JSON":                          {formattest.Safetensors("a", 0), "invalid character"},
		"not an object":                     {formattest.Safetensors("[]", 0), "want {, got ["},
		"truncated JSON":                    {formattest.Safetensors(`{"a":`, 0), "unexpected end"},
		"shape that contradicts the length": {formattest.Safetensors(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), "shape [2] of type F32, but 4 bytes of data"},
		"shape too large":                   {formattest.Safetensors(`{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}`, 4), "overflows"},
		"negative dimension":                {formattest.Safetensors(`{"a":{"dtype":"X","shape":[-1],"data_offsets":[0,4]}}`, 4), "overflows"},
		"offsets backwards":                 {formattest.Safetensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), "want a start and an end"},
		"fractional dimension":              {formattest.Safetensors(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4), "1.5: want at most"},
		"huge string":                       {formattest.Safetensors(`{"__metadata__":{"a":"`+long+`"}}`, 0), "value too long"},
		"deep nesting":                      {formattest.Safetensors(`{"a":{"x":`+strings.Repeat("[", 100)+`}}`, 0), "levels of nesting"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := readBytes(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(formattest.Safetensors(formattest.TinySafetensors, 14))
	f.Add(formattest.Safetensors(`{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}`, 2))
	f.Add([]byte{2, 0, 0, 0, 0, 0, 0, 0, '{', '}'})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readBytes(b)
		if err != nil {
			return
		}
		if s.Elements < 0 || s.data != s.end && s.data > int64(len(b)) || s.end > int64(len(b)) || len(s.DTypes) > 64 {
			t.Errorf("got %d parameters, %d of %d bytes, %d types, want them within the file", s.Elements, s.data, len(b), len(s.DTypes))
		}
	})
}
