package blob

import (
	"maps"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/internal/tar"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func newBlob(layer artifact.Layer) *Blob {
	name := layer.Title
	if name == "" {
		name = layer.Path
	}
	return &Blob{
		Layer: layer, Name: name,
		Desc: ocispec.Descriptor{MediaType: layer.MediaType, Size: -1, Annotations: layerAnnotations(layer)},
	}
}

// newTarBlob returns the blob of a tar, with its digests and size if the cache has them.
func newTarBlob(layer artifact.Layer, origin *tar.Origin) *Blob {
	b := newBlob(layer)
	b.Origin = origin
	if known, ok := origin.Known(); ok {
		b.Desc.Digest, b.Desc.Size, b.DiffID = known.Digest, known.Size, known.DiffID
	}
	return b
}

// partOf returns layer i of a split directory. Its title is unique. It is not marked for unpacking by oras, which expects
// every entry below the title.
func partOf(layer artifact.Layer, i int) artifact.Layer {
	layer.Unpack = false
	if layer.Title != "" {
		layer.Title = manifest.PartTitle(layer.Title, i, layer.Packing.Extension())
	}
	return layer
}

// layerAnnotations returns the annotations of a layer: those of the plan, its title, and those for unpacking a directory.
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
	case layer.Title != "" && isAmbiguous(layer):
		all[manifest.AnnotationDirectory] = manifest.DirectoryAnnotation(layer.Prefix)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// isAmbiguous reports whether the media type of a directory could also be that of a file: oras uses the same for both.
func isAmbiguous(layer artifact.Layer) bool {
	switch layer.MediaType {
	case mediatypes.LayerTar, mediatypes.LayerTarGzip, mediatypes.LayerTarZstd:
		return layer.Packing != mediatypes.Raw && layer.Packing != "" && !layer.File
	}
	return false
}

// Descriptor returns the descriptor of a known blob, with its uncompressed digest as an annotation if oras unpacks it.
func (b *Blob) Descriptor() ocispec.Descriptor {
	desc := b.Desc
	if b.Layer.Unpack {
		desc.Annotations = maps.Clone(desc.Annotations)
		desc.Annotations[manifest.AnnotationContent] = b.DiffID.String()
	}
	return desc
}
