package untrusted_test

import (
	"strings"
	"testing"

	_ "crypto/sha512"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
)

func TestCheckDigest(t *testing.T) {
	t.Parallel()
	const sha256, unknown = "want sha256: and 64 hexadecimal digits in lower case", "unknown algorithm"
	for text, want := range map[string]string{
		"": sha256, "note.txt": sha256, ":": sha256, "sha256": sha256, "sha256:": sha256, "sha256:12": sha256,
		"sha256:" + strings.Repeat("A", 64): sha256, "sha256:" + strings.Repeat("a", 64): "",
		"sha512:" + strings.Repeat("a", 64): "want sha512: and 128 hexadecimal digits in lower case",
		"md5:" + strings.Repeat("a", 32):    unknown,
	} {
		err := untrusted.CheckDigest(digest.Digest(text))
		if (err != nil) != (want != "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
