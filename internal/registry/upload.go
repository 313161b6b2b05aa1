package registry

import (
	"context"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// pushBlob stores a blob of a known digest.
func (r *Repository) pushBlob(ctx context.Context, desc ocispec.Descriptor, content io.Reader) error {
	ctx = r.scoped(ctx)
	return r.fail(ctx, "uploading "+desc.Digest.String(), r.remote.Blobs().Push(ctx, desc, content))
}
