package manifest

import (
	"context"
	"encoding/json"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/lazy"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

var digestInText = lazy.Regexp(`sha(256|512):[0-9a-f]{64}`)

// CheckKnown refuses a manifest of an unknown type that a tag or an index points to, such as a Docker manifest of schema 1: its
// copy would lack the content that it names.
func CheckKnown(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) error {
	if Is(desc.MediaType) || desc.Size > MaxSize {
		return nil
	}
	data, err := Fetch(ctx, src, desc)
	if err != nil {
		return err
	}
	if json.Valid(data) && digestInText().Match(data) {
		return spec.Refused(desc.Digest.String(), "media type %q is neither a manifest nor an index: the content that it names would not be copied", desc.MediaType)
	}
	return nil
}
