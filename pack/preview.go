package pack

import (
	"context"
	"io/fs"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
)

// Preview describes what Push would do.
type Preview struct {
	*Result
	Blobs []PreviewBlob `json:"blobs"` // manifests included, each after the blobs it needs
}

// PreviewBlob is a blob or manifest of the artifact.
type PreviewBlob struct {
	ocispec.Descriptor
	Name string `json:"name,omitempty"` // its title
	Send bool   `json:"send"`           // false: the target already has it
}

// PreviewPush reports what Push would do with the same arguments: whether it would skip everything, the tags it would move, and which
// blobs and manifests it would send. It reads all files that opts.Cache does not know, and writes nothing to dst. Its errors
// are those of Push.
func PreviewPush(ctx context.Context, fsys fs.FS, plan *artifact.Plan, dst oras.Target, opts PushOptions) (*Preview, error) {
	p, root, err := newPusher(ctx, opts.newPacker(fsys), plan, dst, opts)
	if err != nil {
		return nil, err
	}
	defer p.packer.Pool.Trees.Save()
	if err := p.packer.Measure(ctx, root.AllBlobs()); err != nil {
		return nil, err
	}
	if err := root.Compose(p.subject); err != nil {
		return nil, err
	}
	r := &Preview{Result: newResult(root)}
	r.Tags = p.tags
	for i, tag := range p.tags {
		old, err := p.resolveTag(ctx, tag)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			p.first = old
		}
		p.recordMove(tag, old, r.Digest)
	}
	r.Was = p.was
	if r.Skipped, err = p.isComplete(ctx, root, p.first); err != nil {
		return nil, err
	}
	seen := make(map[digest.Digest]bool)
	for _, desc := range root.Contents() {
		if seen[desc.Digest] {
			continue
		}
		seen[desc.Digest] = true
		exists := r.Skipped
		if !exists {
			if exists, err = dst.Exists(ctx, desc); err != nil {
				return nil, err
			}
		}
		r.Blobs = append(r.Blobs, PreviewBlob{desc, desc.Annotations[ocispec.AnnotationTitle], !exists})
	}
	return r, nil
}
