package registry

import (
	"context"
	"encoding/json"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var digestInText = lazy.Regexp(`sha(256|512):[0-9a-f]{64}`)

// checkKnown refuses a manifest of an unknown type that a tag or an index points to, such as a Docker manifest of schema 1: its
// copy would lack the content that it names.
func checkKnown(ctx context.Context, src Target, desc ocispec.Descriptor) error {
	if manifest.Is(desc.MediaType) || desc.Size > manifest.MaxSize {
		return nil
	}
	data, err := manifest.Fetch(ctx, lazySource{src}, desc)
	if err != nil {
		return err
	}
	if json.Valid(data) && digestInText().Match(data) {
		return artifact.Refused(desc.Digest.String(), "media type %q is neither a manifest nor an index: the content that it names would not be copied", desc.MediaType)
	}
	return nil
}
