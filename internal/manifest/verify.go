package manifest

import (
	"errors"
	"io"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// VerifyReader reads content and verifies its size and digest. Unlike the one in oras-go, its error has both digests.
type VerifyReader struct {
	desc ocispec.Descriptor
	base *io.LimitedReader
	sum  digest.Digester
	err  error
}

// NewVerifyReader returns a VerifyReader for content with a descriptor. If the digest is invalid, it fails with spec.ErrRefused.
func NewVerifyReader(r io.Reader, desc ocispec.Descriptor) *VerifyReader {
	if err := untrusted.CheckDigest(desc.Digest); err != nil {
		return &VerifyReader{desc: desc, base: &io.LimitedReader{R: r}, err: spec.Refused(desc.Digest.String(), "invalid digest: %w", err)}
	}
	sum := desc.Digest.Algorithm().Digester()
	return &VerifyReader{desc: desc, base: &io.LimitedReader{R: io.TeeReader(r, sum.Hash()), N: desc.Size}, sum: sum}
}

// Read reads content of at most the size in the descriptor.
func (v *VerifyReader) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.base.Read(p)
	if err == io.EOF && v.base.N > 0 { // a lost connection wraps io.EOF
		err = spec.Refused("", "size mismatch: want %d bytes, got %d", v.desc.Size, v.desc.Size-v.base.N)
	}
	v.err = err
	return n, err
}

// Verify fails with spec.ErrRefused if the content does not have the size and digest in the descriptor. The content must have been read.
func (v *VerifyReader) Verify() error {
	if v.err != nil && v.err != io.EOF {
		return v.err
	}
	if v.base.N > 0 {
		return spec.Refused("", "size mismatch: want %d bytes, got %d", v.desc.Size, v.desc.Size-v.base.N)
	}
	var rest [1]byte
	switch n, err := io.ReadFull(v.base.R, rest[:]); {
	case n > 0:
		return spec.Refused("", "size mismatch: want %d bytes, got more", v.desc.Size)
	case err != io.EOF:
		return err
	}
	if got := v.sum.Digest(); got != v.desc.Digest {
		return spec.Refused("", "digest mismatch: want %s, got %s", v.desc.Digest, got)
	}
	return nil
}

// ReadAll reads content into memory and verifies it. It fails with spec.ErrRefused if the size or digest differs.
func ReadAll(r io.Reader, desc ocispec.Descriptor) ([]byte, error) {
	if desc.Size < 0 {
		return nil, spec.Refused(desc.Digest.String(), "a size of %d", desc.Size)
	}
	v := NewVerifyReader(r, desc)
	data := make([]byte, desc.Size)
	if _, err := io.ReadFull(v, data); err != nil && v.err != nil && v.err != io.EOF {
		return nil, v.err
	}
	return data, v.Verify()
}

// NameBlob adds the title of a blob to an error about its content.
func NameBlob(op string, desc ocispec.Descriptor, err error) error {
	title := desc.Annotations[ocispec.AnnotationTitle]
	if title == "" || !errors.Is(err, spec.ErrRefused) && !errors.Is(err, spec.ErrChanged) {
		return err
	}
	return &spec.Error{Op: op, Item: title, Err: err}
}
