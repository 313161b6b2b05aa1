package pack

import (
	"context"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// knownBlobs are the blobs that a manifest refers to and its target therefore has.
type knownBlobs struct {
	sizes map[int64]bool         // of layers
	blobs map[digest.Digest]bool // of a registry, which accepts no manifest without them; nil if the target may have lost blobs
}

// readKnownBlobs returns the blobs of the manifest that the tag points to. They need no separate check. A file with the size of one of
// them is hashed before it is sent, because the target probably has it. These are hints: unreadable manifests are ignored.
func (p *pusher) readKnownBlobs(ctx context.Context, desc ocispec.Descriptor) knownBlobs {
	h := knownBlobs{sizes: make(map[int64]bool)}
	if p.keepsBlobs() {
		h.blobs = make(map[digest.Digest]bool)
	}
	for _, child := range p.addKnownBlobs(ctx, desc, h) {
		p.addKnownBlobs(ctx, child, h)
	}
	return h
}

// maxChildren is the maximum number of manifests in an index that are read for hints: each costs a request. Those of a larger
// index are not read.
const maxChildren = 16

// addKnownBlobs adds the blobs of one manifest and returns the manifests of an index.
func (p *pusher) addKnownBlobs(ctx context.Context, desc ocispec.Descriptor, h knownBlobs) []ocispec.Descriptor {
	var m struct {
		Config            *ocispec.Descriptor
		Layers, Manifests []ocispec.Descriptor
	}
	if manifest.FetchJSON(ctx, p.dst, desc, &m) != nil {
		return nil
	}
	for _, l := range m.Layers {
		h.sizes[l.Size] = true
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, l := range m.Layers {
		if h.blobs != nil && len(l.URLs) == 0 && len(l.Data) == 0 { // otherwise the blob may be stored elsewhere
			h.blobs[l.Digest] = true
		}
	}
	if len(m.Manifests) > maxChildren {
		return nil
	}
	return m.Manifests
}
