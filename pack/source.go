package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// Source is a packed artifact as an oras target to copy from. Its blobs are the declared files themselves: a raw layer
// is read again when it is fetched, a tar is made again, and a file that changed in between fails with
// artifact.ErrChanged.
type Source struct {
	root  *node
	docs  map[digest.Digest][]byte
	blobs map[digest.Digest]*blob
}

var _ oras.ReadOnlyGraphTarget = (*Source)(nil)

// Artifact packs the plan, as a referrer of subject unless that is nil: it hashes the layers that are not known yet, and makes configs and manifests. Nothing is
// copied and nothing is sent. The referrers that the plan declares are part of the Source; oras.ExtendedCopy finds them.
func Artifact(ctx context.Context, fsys fs.FS, plan *artifact.Plan, subject *ocispec.Descriptor, opts Options) (*Source, error) {
	packer := opts.newPacker(fsys)
	defer packer.Pool.trees.save()
	root, err := newNode(ctx, packer, plan, opts.base())
	if err != nil {
		return nil, err
	}
	if err := packer.measure(ctx, root.allBlobs()); err != nil {
		return nil, err
	}
	if err := root.compose(subject); err != nil {
		return nil, err
	}
	return newSource(root), nil
}

func newSource(root *node) *Source {
	s := &Source{root: root, docs: make(map[digest.Digest][]byte), blobs: make(map[digest.Digest]*blob)}
	s.addDoc(document{ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data})
	root.all(func(n *node) error {
		s.addDoc(n.config)
		s.addDoc(n.manifest)
		for _, b := range append(n.base.blobs(), n.blobs...) {
			s.blobs[b.desc.Digest] = b
		}
		return nil
	})
	return s
}

func (s *Source) addDoc(d document) {
	if d.bytes != nil {
		s.docs[d.desc.Digest] = d.bytes
	}
}

// Root is the descriptor of the manifest, or of the index.
func (s *Source) Root() ocispec.Descriptor { return s.root.manifest.desc }

// Result says what was packed, as Push does.
func (s *Source) Result() *Result { return newResult(s.root) }

// Manifest gives the bytes of the manifest or index.
func (s *Source) Manifest() []byte { return bytes.Clone(s.root.manifest.bytes) }

// Fetch opens a blob or manifest of the artifact.
func (s *Source) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if b, ok := s.docs[desc.Digest]; ok {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	if b, ok := s.blobs[desc.Digest]; ok {
		return b.origin.Open(ctx, 0)
	}
	return nil, fmt.Errorf("%s: %w", desc.Digest, errdef.ErrNotFound)
}

// Exists tells whether the artifact has this blob or manifest.
func (s *Source) Exists(_ context.Context, desc ocispec.Descriptor) (bool, error) {
	_, doc := s.docs[desc.Digest]
	_, blob := s.blobs[desc.Digest]
	return doc || blob, nil
}

// Resolve knows the digest of the artifact's manifest, those of its platforms and referrers, and the plan's tags.
func (s *Source) Resolve(_ context.Context, reference string) (ocispec.Descriptor, error) {
	for _, tag := range s.root.plan.Tags {
		if tag == reference {
			return s.Root(), nil
		}
	}
	var found ocispec.Descriptor
	s.root.all(func(n *node) error {
		if n.manifest.desc.Digest.String() == reference {
			found = n.manifest.desc
		}
		return nil
	})
	if found.Digest == "" {
		return found, fmt.Errorf("%q: %w", reference, errdef.ErrNotFound)
	}
	return found, nil
}

// Predecessors gives what refers to a manifest or blob: referrers, indexes, manifests.
func (s *Source) Predecessors(_ context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	s.root.all(func(n *node) error {
		if n.leadsTo(desc.Digest) {
			found = append(found, n.manifest.desc)
		}
		return nil
	})
	return found, nil
}

// leadsTo tells whether the node's manifest names the digest.
func (n *node) leadsTo(d digest.Digest) bool {
	if n.subject != nil && n.subject.Digest == d || n.config.bytes != nil && n.config.desc.Digest == d {
		return true
	}
	for _, p := range n.platforms {
		if p.manifest.desc.Digest == d {
			return true
		}
	}
	for _, b := range append(n.base.blobs(), n.blobs...) {
		if b.desc.Digest == d {
			return true
		}
	}
	return false
}
