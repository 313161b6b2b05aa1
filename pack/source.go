package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack/internal/blob"
	"github.com/davit-oci/davit/pack/internal/node"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// Source is a packed artifact as an oras target to copy from. Its blobs are the declared files themselves: fetching a
// raw layer reads the file again, fetching a tar creates it again, and a file that changed in between fails with
// artifact.ErrChanged.
type Source struct {
	root  *node.Node
	docs  map[digest.Digest][]byte
	blobs map[digest.Digest]*blob.Blob
}

var _ oras.ReadOnlyGraphTarget = (*Source)(nil)

// Artifact packs the plan, as a referrer of subject unless that is nil: it hashes layers with unknown digests and
// creates configs and manifests. It copies and sends nothing. The referrers that the plan declares are part of the
// Source; oras.ExtendedCopy finds them. Its errors are those of Push, apart from those of a target.
func Artifact(ctx context.Context, fsys fs.FS, plan *artifact.Plan, subject *ocispec.Descriptor, opts Options) (*Source, error) {
	packer := opts.newPacker(fsys)
	defer packer.Pool.Trees.Save()
	root, err := node.New(ctx, packer, plan, opts.base())
	if err != nil {
		return nil, err
	}
	if err := packer.Measure(ctx, root.AllBlobs()); err != nil {
		return nil, err
	}
	if err := root.Compose(subject); err != nil {
		return nil, err
	}
	return newSource(root), nil
}

func newSource(root *node.Node) *Source {
	s := &Source{root: root, docs: make(map[digest.Digest][]byte), blobs: make(map[digest.Digest]*blob.Blob)}
	s.addDoc(node.Document{Desc: ocispec.DescriptorEmptyJSON, Bytes: ocispec.DescriptorEmptyJSON.Data})
	root.Walk(func(n *node.Node) error {
		s.addDoc(n.Config)
		s.addDoc(n.Manifest)
		for _, b := range append(n.Base.Blobs(), n.Blobs...) {
			s.blobs[b.Desc.Digest] = b
		}
		return nil
	})
	return s
}

func (s *Source) addDoc(d node.Document) {
	if d.Bytes != nil {
		s.docs[d.Desc.Digest] = d.Bytes
	}
}

// Root returns the descriptor of the manifest, or of the index.
func (s *Source) Root() ocispec.Descriptor { return s.root.Manifest.Desc }

// Result describes the packed artifact, as Push does.
func (s *Source) Result() *Result { return newResult(s.root) }

// Manifest returns the bytes of the manifest or index.
func (s *Source) Manifest() []byte { return bytes.Clone(s.root.Manifest.Bytes) }

// Fetch opens a blob or manifest of the artifact. It returns errdef.ErrNotFound for any other. For a file that changed, Fetch or the
// returned reader fails with artifact.ErrChanged.
func (s *Source) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if b, ok := s.docs[desc.Digest]; ok {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	if b, ok := s.blobs[desc.Digest]; ok {
		return b.Origin.Open(ctx, 0)
	}
	return nil, fmt.Errorf("%s: %w", desc.Digest, errdef.ErrNotFound)
}

// Exists reports whether the artifact has this blob or manifest. The error is always nil.
func (s *Source) Exists(_ context.Context, desc ocispec.Descriptor) (bool, error) {
	_, doc := s.docs[desc.Digest]
	_, blob := s.blobs[desc.Digest]
	return doc || blob, nil
}

// Resolve accepts the digests of the artifact's manifest and of its platforms and referrers, and the plan's tags. For any
// other reference, it returns errdef.ErrNotFound.
func (s *Source) Resolve(_ context.Context, reference string) (ocispec.Descriptor, error) {
	for _, tag := range s.root.Plan.Tags {
		if tag == reference {
			return s.Root(), nil
		}
	}
	var found ocispec.Descriptor
	s.root.Walk(func(n *node.Node) error {
		if n.Manifest.Desc.Digest.String() == reference {
			found = n.Manifest.Desc
		}
		return nil
	})
	if found.Digest == "" {
		return found, fmt.Errorf("%q: %w", reference, errdef.ErrNotFound)
	}
	return found, nil
}

// Predecessors returns the referrers, indexes, and manifests that refer to a manifest or blob. The error is always nil.
func (s *Source) Predecessors(_ context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	s.root.Walk(func(n *node.Node) error {
		if n.RefersTo(desc.Digest) {
			found = append(found, n.Manifest.Desc)
		}
		return nil
	})
	return found, nil
}
