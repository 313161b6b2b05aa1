package manifest_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestReadAllOfInvalidDigest checks that an invalid digest is an error, not a panic. An index may have any text as a digest.
func TestReadAllOfInvalidDigest(t *testing.T) {
	t.Parallel()
	for _, d := range []digest.Digest{"", "bad", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:zz", ":"} {
		_, err := manifest.ReadAll(strings.NewReader("abc"), ocispec.Descriptor{Digest: d, Size: 3})
		if !errors.Is(err, spec.ErrRefused) {
			t.Errorf("%q: got %v, want ErrRefused", d, err)
		}
	}
}

// lostConnection is a reader that fails like a closed connection.
type lostConnection struct{ err error }

func (l lostConnection) Read([]byte) (int, error) { return 0, l.err }

// TestReadAllKeepsNetworkErrors checks that a lost connection is not a size mismatch, although its error wraps io.EOF.
func TestReadAllKeepsNetworkErrors(t *testing.T) {
	t.Parallel()
	lost := fmt.Errorf("the connection was closed without a response: %w", io.EOF)
	r := io.MultiReader(strings.NewReader("ab"), lostConnection{lost})
	_, err := manifest.ReadAll(r, ocispec.Descriptor{Digest: digest.FromString("abc"), Size: 3})
	if !errors.Is(err, lost) || errors.Is(err, spec.ErrRefused) {
		t.Errorf("got %v, want %v", err, lost)
	}
	_, err = manifest.ReadAll(strings.NewReader("ab"), ocispec.Descriptor{Digest: digest.FromString("abc"), Size: 3})
	if !errors.Is(err, spec.ErrRefused) {
		t.Errorf("short content: got %v, want ErrRefused", err)
	}
}
