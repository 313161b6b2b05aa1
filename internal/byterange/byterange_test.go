package byterange_test

import (
	"testing"

	"github.com/davit-oci/davit/internal/byterange"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]byterange.Range{
		"0-0":             {First: 0, Last: 0, Size: -1},
		"5-9":             {First: 5, Last: 9, Size: -1},
		"bytes 5-9/*":     {First: 5, Last: 9, Size: -1},
		"bytes 5-9/10":    {First: 5, Last: 9, Size: 10},
		"bytes 0-4/12345": {First: 0, Last: 4, Size: 12345},
	} {
		if got, ok := byterange.Parse(text); !ok || got != want || got.Length() != want.Last-want.First+1 {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "-", "5", "5-", "-5", "9-5", "a-b", "5-9-", "bytes 5-9/9", "bytes 5-9/x", "bytes 5-9/", "bytes */10", "bytes=5-9",
		"0-9223372036854775807", "9223372036854775807-9223372036854775807", "-1-5", "0x0-9",
	} {
		if got, ok := byterange.Parse(text); ok {
			t.Errorf("%q: got %+v, want none", text, got)
		}
	}
}
