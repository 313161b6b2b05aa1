package trust_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/pull/trust"
)

// TestUntrustedKeysOnce checks that an error names each key once, and at most three keys.
func TestUntrustedKeysOnce(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		"a a": "found: key a", "a b a": "found: key a, key b", "a b c d": "found: key a, key b, key c, 1 more",
		"a a b c d e": "found: key a, key b, key c, 2 more",
	} {
		e := &trust.NotSignedError{}
		for key := range strings.FieldsSeq(keys) {
			e.Signatures = append(e.Signatures, trust.Signature{KeyHint: key})
		}
		if got := e.Error(); !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %q, want %q", keys, got, want)
		}
	}
}
