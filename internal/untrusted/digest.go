package untrusted

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
)

// CheckDigest returns an error that describes why a digest is invalid, or nil for a valid one.
func CheckDigest(d digest.Digest) error {
	err := d.Validate()
	if err == nil {
		return nil
	}
	algorithm, _, _ := strings.Cut(d.String(), ":")
	if errors.Is(err, digest.ErrDigestUnsupported) {
		return fmt.Errorf("unknown algorithm %q", Line(algorithm, 20))
	}
	a := digest.Algorithm(algorithm)
	if !a.Available() {
		a = digest.SHA256
	}
	return fmt.Errorf("want %s: and %d hexadecimal digits in lower case", a, 2*a.Size())
}
