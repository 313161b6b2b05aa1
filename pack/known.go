package pack

import (
	"context"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// holdings are what a manifest refers to, and its target therefore has.
type holdings struct {
	sizes map[int64]bool         // of layers
	blobs map[digest.Digest]bool // of a registry, which takes no manifest without them; nil where files may be missing
}

// holdings of the manifest that the tag leads to: its blobs need not be asked for one by one, and a file whose size is
// among them may well be there, and is hashed before it is sent. They are hints; what can't be read gives none.
func (p *pusher) holdings(ctx context.Context, desc ocispec.Descriptor) holdings {
	h := holdings{sizes: make(map[int64]bool)}
	if p.keeps() {
		h.blobs = make(map[digest.Digest]bool)
	}
	for _, child := range p.addHoldings(ctx, desc, h) {
		p.addHoldings(ctx, child, h)
	}
	return h
}

// maxChildren is up to how many manifests of an index are read for hints: each is a request.
const maxChildren = 16

// addHoldings adds those of one manifest, and gives the manifests of an index.
func (p *pusher) addHoldings(ctx context.Context, desc ocispec.Descriptor, h holdings) []ocispec.Descriptor {
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
		if h.blobs != nil && len(l.URLs) == 0 && len(l.Data) == 0 { // else it may be elsewhere
			h.blobs[l.Digest] = true
		}
	}
	if len(m.Manifests) > maxChildren {
		return nil
	}
	return m.Manifests
}
