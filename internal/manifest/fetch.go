package manifest

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/davit-oci/davit/artifact/spec"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// FetchJSON reads a manifest or config with Fetch and decodes it into v. It fails with spec.ErrRefused if the content exceeds Limits
// or can't be decoded.
func FetchJSON(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor, v any) error {
	b, err := Fetch(ctx, src, desc)
	if err != nil {
		return err
	}
	if err := CheckLimits(desc, b); err != nil {
		return err
	}
	return decodingError(desc, json.Unmarshal(b, v))
}

// Successors lists the descriptors in a manifest, as content.Successors does. It fails with spec.ErrRefused if the manifest can't be
// decoded.
func Successors(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	all, err := content.Successors(ctx, src, desc)
	return all, decodingError(desc, err)
}

// decodingError returns a JSON error as a spec.ErrRefused with the digest of the content, and other errors unchanged.
func decodingError(desc ocispec.Descriptor, err error) error {
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	if errors.As(err, &wrongType) || errors.As(err, &syntax) {
		return spec.Refused(desc.Digest.String(), "can't be read: %w", err)
	}
	return err
}

// CheckLimits fails with spec.ErrRefused if a manifest or config exceeds Limits.
func CheckLimits(desc ocispec.Descriptor, data []byte) error {
	if err := Limits.Check(data); err != nil {
		return spec.Refused(desc.Digest.String(), "%w", err)
	}
	return nil
}

// Fetch reads a manifest or config and checks its size and digest. It fails with spec.ErrRefused if the content has more than MaxSize
// bytes.
func Fetch(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) ([]byte, error) {
	if desc.Size > MaxSize {
		return nil, spec.Refused(desc.Digest.String(), "too large: %d bytes, limit is %d MiB", desc.Size, MaxSize>>20)
	}
	rc, err := src.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return ReadAll(rc, desc)
}
