package blob

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/digestcache"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/internal/tar"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// A Packer turns layers into blobs.
type Packer struct {
	FS      fs.FS
	Created time.Time // the time of tar entries that have no time
	Digests *digestcache.Cache
	Pool    *tar.Pool
}

// maxHashers returns the maximum number of files that are hashed at once. More than four would only wait for the disk.
func maxHashers() int { return min(runtime.GOMAXPROCS(0), 4) }

// Measure computes the unknown digests of blobs, several at once, and stores them in the cache.
func (p *Packer) Measure(ctx context.Context, blobs []*Blob) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxHashers())
	for _, b := range blobs {
		if b.IsKnown() {
			continue
		}
		group.Go(func() error {
			if err := b.Measure(ctx, false); err != nil {
				return Failed("packing", b.Layer.Path, err)
			}
			p.Remember(b)
			return nil
		})
	}
	return group.Wait()
}

// Remember stores the digests of a blob in the cache.
func (p *Packer) Remember(b *Blob) {
	switch o := b.Origin.(type) {
	case *FileOrigin:
		p.Digests.Store(o.info, b.Desc.Digest)
	case *tar.Origin:
		o.Remember(tar.Record{Digest: b.Desc.Digest, DiffID: b.DiffID, Size: b.Desc.Size})
	}
}

// Failed wraps err with an operation and a path, without naming the path twice.
func Failed(op, path string, err error) error {
	return &artifact.Error{Op: op, Item: path, Err: withoutPath(err, path)}
}

// withoutPath strips the path from an error whose message already names it.
func withoutPath(err error, path string) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && pathErr.Path == path {
		return pathErr.Err
	}
	var ours *artifact.Error
	if errors.As(err, &ours) && ours.Item == path && ours.Op == "" {
		return ours.Err
	}
	return err
}

// Layers returns the blobs of a layer: one, or several for a split directory.
func (p *Packer) Layers(ctx context.Context, layer artifact.Layer) ([]*Blob, error) {
	switch {
	case layer.Content != nil:
		b := newBlob(layer)
		b.Origin = BytesOrigin(layer.Content)
		b.Learn(ocispec.Descriptor{Digest: digest.FromBytes(layer.Content), Size: int64(len(layer.Content))})
		return []*Blob{b}, nil
	case layer.Packing == mediatypes.Raw || layer.Packing == "":
		b := newBlob(layer)
		origin, err := newFileOrigin(p.FS, layer.Path)
		if err != nil {
			return nil, err
		}
		b.Origin, b.Info, b.Desc.Size = origin, origin.info, origin.info.Size()
		if d, ok := p.Digests.Lookup(origin.info); ok {
			b.Learn(ocispec.Descriptor{Digest: d, Size: b.Desc.Size})
		}
		return []*Blob{b}, nil
	case layer.Archive:
		from, err := newFileOrigin(p.FS, layer.Path)
		if err != nil {
			return nil, err
		}
		tar, err := p.Pool.Repack(ctx, p.FS, layer, from)
		if err != nil {
			return nil, err
		}
		return []*Blob{newTarBlob(layer, tar)}, nil
	}
	tars, err := p.Pool.Pack(ctx, p.FS, layer, p.Created)
	if err != nil {
		return nil, err
	}
	blobs := make([]*Blob, len(tars))
	for i, tar := range tars {
		part := layer
		if len(tars) > 1 {
			part = partOf(layer, i)
		}
		blobs[i] = newTarBlob(part, tar)
	}
	return blobs, nil
}
