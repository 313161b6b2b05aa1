package pack

import (
	"context"
	"io/fs"
	"maps"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive/write"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// newBlobs makes the blobs of a layer: one, or several for a directory that is split.
func newBlobs(ctx context.Context, fsys fs.FS, layer artifact.Layer, opts Options, shop *workshop) ([]*blob, error) {
	switch {
	case layer.Content != nil:
		b := newBlob(layer)
		b.origin = bytesOrigin(layer.Content)
		b.learn(newDocument("", layer.Content).desc)
		return []*blob{b}, nil
	case layer.Packing == mediatypes.Raw || layer.Packing == "":
		b := newBlob(layer)
		origin, err := newFileOrigin(fsys, layer.Path)
		if err != nil {
			return nil, err
		}
		b.origin, b.info, b.desc.Size = origin, origin.info, origin.info.Size()
		if d, ok := lookup(opts.Digests, origin.info); ok {
			b.learn(ocispec.Descriptor{Digest: d, Size: b.desc.Size})
		}
		return []*blob{b}, nil
	case layer.Archive:
		return newRepackedBlob(ctx, fsys, layer, opts, shop)
	}
	return newTarBlobs(ctx, fsys, layer, opts, shop)
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

// newTarBlobs walks a directory and makes a blob of it, or of each of the groups it is split into.
func newTarBlobs(ctx context.Context, fsys fs.FS, layer artifact.Layer, opts Options, shop *workshop) ([]*blob, error) {
	// Some readers make no directories of their own: those of the prefix are entries, as those below it are.
	below := layer.Prefix != "" && layer.Prefix != "./"
	tree := write.Tree{
		FS: fsys, Dir: layer.Path, Files: layer.Files, Exclude: layer.Exclude,
		Prefix: layer.Prefix, Root: layer.Preserve || below, Preserve: layer.Preserve, Layer: layer.Image, ModTime: opts.Created,
	}
	if !layer.Dir && layer.Files == nil { // a single file, as a tar
		tree.Dir, tree.Files = path.Dir(layer.Path), []string{layer.Path}
	}
	entries, err := tree.Walk(ctx)
	if err != nil {
		return nil, ofArchive(err)
	}
	groups := [][]write.Entry{entries}
	if layer.Split {
		groups = tree.Split(entries)
	}
	printer := newPrinter(tree, layer.Packing, entries)
	blobs := make([]*blob, len(groups))
	for i, group := range groups {
		part := layer
		if len(groups) > 1 {
			part = partOf(layer, i)
		}
		blobs[i] = newTarBlob(part, &tarOrigin{
			tree: tree, entries: group, packing: layer.Packing, shop: shop, print: printer.print(group),
		})
	}
	return blobs, nil
}

// newRepackedBlob makes a blob of the entries of a tar.
func newRepackedBlob(ctx context.Context, fsys fs.FS, layer artifact.Layer, opts Options, shop *workshop) ([]*blob, error) {
	from, err := newFileOrigin(fsys, layer.Path)
	if err != nil {
		return nil, err
	}
	tree := write.Tree{FS: fsys, Dir: path.Dir(layer.Path), Files: []string{layer.Path}, Prefix: layer.Prefix, Layer: layer.Image}
	entries, err := tree.Walk(ctx)
	if err != nil {
		return nil, ofArchive(err)
	}
	printer := newPrinter(tree, layer.Packing, entries)
	printer.head = append(printer.head, "what is in it\n"...)
	return []*blob{newTarBlob(layer, &tarOrigin{
		tree: tree, entries: entries, from: from, packing: layer.Packing, shop: shop, print: printer.print(entries),
	})}, nil
}

// newTarBlob makes a blob of a tar, known if the same one was made before.
func newTarBlob(layer artifact.Layer, origin *tarOrigin) *blob {
	b := newBlob(layer)
	b.origin = origin
	if known, ok := origin.shop.trees.lookup(origin.print); ok {
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

func lookup(digests Digests, info fs.FileInfo) (digest.Digest, bool) {
	if digests == nil {
		return "", false
	}
	return digests.Lookup(info)
}
