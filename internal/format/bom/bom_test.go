package bom_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/davit-oci/davit/internal/format/bom"
)

func TestSkip(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "a": "a", "\xef\xbb": "\xef\xbb", "\xef\xbb\xbf": "", "\xef\xbb\xbfab": "ab", "ab\xef\xbb\xbf": "ab\xef\xbb\xbf"} {
		got, err := io.ReadAll(bom.Skip(iotest.OneByteReader(strings.NewReader(text))))
		if err != nil || string(got) != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestToUTF8(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                    "plain",
		"\xef\xbb\xbfé":            "é",
		"\xff\xfea\x00\xe9\x00":    "aé",
		"\xfe\xff\x00a\x00\xe9":    "aé",
		"\xff\xfe\x3d\xd8\x00\xde": "\U0001f600", // a surrogate pair
		"\xff\xfea\x00\xe9":        "a",          // half a code unit at the end
	} {
		if got := string(bom.ToUTF8([]byte(text))); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
