package pack

import (
	"context"
	"maps"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layers makes the blobs of a layer: one, or several for a directory that is split.
func (p *packer) layers(ctx context.Context, layer artifact.Layer) ([]*blob, error) {
	switch {
	case layer.Content != nil:
		b := newBlob(layer)
		b.origin = bytesOrigin(layer.Content)
		b.learn(ocispec.Descriptor{Digest: digest.FromBytes(layer.Content), Size: int64(len(layer.Content))})
		return []*blob{b}, nil
	case layer.Packing == mediatypes.Raw || layer.Packing == "":
		b := newBlob(layer)
		origin, err := newFileOrigin(p.FS, layer.Path)
		if err != nil {
			return nil, err
		}
		b.origin, b.info, b.desc.Size = origin, origin.info, origin.info.Size()
		if d, ok := p.Digests.Lookup(origin.info); ok {
			b.learn(ocispec.Descriptor{Digest: d, Size: b.desc.Size})
		}
		return []*blob{b}, nil
	case layer.Archive:
		from, err := newFileOrigin(p.FS, layer.Path)
		if err != nil {
			return nil, err
		}
		tar, err := p.Pool.repack(ctx, p.FS, layer, from)
		if err != nil {
			return nil, err
		}
		return []*blob{newTarBlob(layer, tar)}, nil
	}
	tars, err := p.Pool.pack(ctx, p.FS, layer, p.Created)
	if err != nil {
		return nil, err
	}
	blobs := make([]*blob, len(tars))
	for i, tar := range tars {
		part := layer
		if len(tars) > 1 {
			part = partOf(layer, i)
		}
		blobs[i] = newTarBlob(part, tar)
	}
	return blobs, nil
}

func newBlob(layer artifact.Layer) *blob {
	name := layer.Title
	if name == "" {
		name = layer.Path
	}
	return &blob{
		layer: layer, name: name,
		desc: ocispec.Descriptor{MediaType: layer.MediaType, Size: -1, Annotations: layerAnnotations(layer)},
	}
}

// newTarBlob makes a blob of a tar, known if the same one was made before.
func newTarBlob(layer artifact.Layer, origin *tarOrigin) *blob {
	b := newBlob(layer)
	b.origin = origin
	if known, ok := origin.known(); ok {
		b.desc.Digest, b.desc.Size, b.diffID = known.digest, known.size, known.diffID
	}
	return b
}

// partOf is one of the layers of a directory that is split. Its title is its own, as titles must be, and oras does not
// unpack it: there, every entry would have to stand under the title.
func partOf(layer artifact.Layer, i int) artifact.Layer {
	layer.Unpack = false
	if layer.Title != "" {
		layer.Title = manifest.PartTitle(layer.Title, i, layer.Packing.Extension())
	}
	return layer
}

// layerAnnotations are the plan's and the title, and how to unpack a directory.
func layerAnnotations(layer artifact.Layer) map[string]string {
	all := maps.Clone(layer.Annotations)
	if all == nil {
		all = make(map[string]string)
	}
	if layer.Title != "" {
		all[ocispec.AnnotationTitle] = layer.Title
	}
	switch {
	case layer.Unpack:
		all[manifest.AnnotationUnpack] = "true"
	case layer.Title != "" && ambiguous(layer):
		all[manifest.AnnotationDirectory] = manifest.DirectoryAnnotation(layer.Prefix)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// ambiguous tells whether a directory's media type does not say that it is one: oras gives plain files the same.
func ambiguous(layer artifact.Layer) bool {
	switch layer.MediaType {
	case mediatypes.LayerTar, mediatypes.LayerTarGzip, mediatypes.LayerTarZstd:
		return layer.Packing != mediatypes.Raw && layer.Packing != ""
	}
	return false
}

// descriptor of a blob that is known, with the annotation that tells its uncompressed digest.
func (b *blob) descriptor() ocispec.Descriptor {
	desc := b.desc
	if b.layer.Unpack {
		desc.Annotations = maps.Clone(desc.Annotations)
		desc.Annotations[manifest.AnnotationContent] = b.diffID.String()
	}
	return desc
}
