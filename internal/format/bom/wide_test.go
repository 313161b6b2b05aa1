package bom_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/bom"
)

// TestWideJSON checks that JSON in UTF-16 or UTF-32 is detected, with and without a byte order mark.
func TestWideJSON(t *testing.T) {
	for format, encoding := range map[string]string{"%": "", "%\x00": "UTF-16", "\x00%": "UTF-16", "%\x00\x00\x00": "UTF-32", "\x00\x00\x00%": "UTF-32"} {
		for _, mark := range []string{"", "\ufeff"} {
			for _, text := range []string{`{"a":1}`, " \r\n[1]", "plain", "", "{"} {
				var wide strings.Builder
				for _, c := range mark + text {
					unit := string(c)
					if c == 0xfeff {
						unit = map[string]string{"%": "\ufeff", "%\x00": "\xff\xfe", "\x00%": "\xfe\xff", "%\x00\x00\x00": "\xff\xfe\x00\x00", "\x00\x00\x00%": "\x00\x00\xfe\xff"}[format]
						wide.WriteString(unit)
						continue
					}
					wide.WriteString(strings.ReplaceAll(format, "%", unit))
				}
				want := encoding
				if text == "plain" || text == "" {
					want = ""
				}
				if got := bom.WideJSON([]byte(wide.String())); got != want {
					t.Errorf("%q: got %q, want %q", wide.String(), got, want)
				}
			}
		}
	}
}
