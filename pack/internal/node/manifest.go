package node

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/internal/blob"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Document is a config or manifest, held in memory.
type Document struct {
	Desc  ocispec.Descriptor
	Bytes []byte
}

// newDocument returns a document with the content b, and its descriptor.
func newDocument(mediaType string, b []byte) Document {
	return Document{ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}, b}
}

// marshalManifest encodes a manifest or index. Fields are in the order of the struct and json sorts maps, so equal
// content has equal bytes.
func marshalManifest(mediaType string, body any) (Document, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return Document{}, err
	}
	if len(b) > manifest.MaxSize {
		return Document{}, fmt.Errorf("manifest too large: %d bytes, limit is %d MiB: pack directories as tar, or fewer files",
			len(b), manifest.MaxSize>>20)
	}
	return newDocument(mediaType, b), nil
}

// sortLayers sorts blobs into the order of the kind.
func sortLayers(kind mediatypes.Kind, blobs []*blob.Blob) {
	switch kind.Order {
	case mediatypes.ByDigest:
		lists.Sort(blobs, func(a, b *blob.Blob) int { return cmp.Compare(a.Desc.Digest, b.Desc.Digest) })
	case mediatypes.ByTitle:
		lists.Sort(blobs, func(a, b *blob.Blob) int { return cmp.Compare(a.Layer.Title, b.Layer.Title) })
	case mediatypes.ByRole:
		rank := make(map[string]int, len(kind.Layers))
		for i, l := range slices.Backward(kind.Layers) {
			rank[l.Role] = i
		}
		lists.Sort(blobs, func(a, b *blob.Blob) int { return cmp.Compare(rank[a.Layer.Role], rank[b.Layer.Role]) })
	}
}

// newConfig returns the config blob of a kind. The descriptor of the empty config contains its two bytes, as in oras.
func newConfig(mediaType string, b []byte) Document {
	if len(b) == 0 {
		b = ocispec.DescriptorEmptyJSON.Data
	}
	if mediaType == "" {
		mediaType = ocispec.MediaTypeEmptyJSON
	}
	doc := newDocument(mediaType, b)
	if mediaType == ocispec.MediaTypeEmptyJSON && bytes.Equal(b, ocispec.DescriptorEmptyJSON.Data) {
		doc.Desc.Data = b
	}
	return doc
}

// finish calls plan.Finish, which may be nil in a plan that package artifact did not make.
func finish(plan *artifact.Plan, packed []artifact.Packed) (artifact.Finished, error) {
	if plan.Finish == nil {
		return artifact.Finished{}, nil
	}
	return plan.Finish(packed)
}

// newManifest returns the manifest of a node whose layers and config are known. It also sets n.Attached.
func (n *Node) newManifest(layers []ocispec.Descriptor, finished artifact.Finished) (Document, error) {
	m := ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: n.Plan.ArtifactType,
		Config:       n.Config.Desc,
		Layers:       layers,
		Subject:      PlainSubject(n.Subject),
		Annotations:  annotations(n.Plan, finished.Annotations, n.Created),
	}
	if n.Subject != nil && finished.Attached != nil {
		if m.Annotations == nil {
			m.Annotations = map[string]string{}
		}
		n.Attached = finished.Attached()
		maps.Copy(m.Annotations, n.Attached)
	}
	if m.ArtifactType == "" && n.Config.Desc.MediaType == ocispec.MediaTypeEmptyJSON {
		m.ArtifactType = mediatypes.UnknownArtifact // as oras does: the spec requires one
	}
	if len(layers) == 0 {
		m.Layers = []ocispec.Descriptor{ocispec.DescriptorEmptyJSON}
	}
	if n.Config.Desc.MediaType == mediatypes.DockerConfig {
		m.MediaType = mediatypes.DockerManifest
	}
	doc, err := marshalManifest(m.MediaType, m)
	doc.Desc.ArtifactType, doc.Desc.Annotations = m.ArtifactType, m.Annotations
	return doc, err
}

// NewIndex returns the index that lists the entries.
func (n *Node) NewIndex(entries []ocispec.Descriptor) (Document, error) {
	idx := ocispec.Index{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageIndex,
		ArtifactType: n.Plan.ArtifactType,
		Manifests:    entries,
		Subject:      PlainSubject(n.Subject),
		Annotations:  annotations(n.Plan, nil, n.Created),
	}
	doc, err := marshalManifest(idx.MediaType, idx)
	doc.Desc.ArtifactType, doc.Desc.Annotations = idx.ArtifactType, idx.Annotations
	return doc, err
}

// PlainSubject returns the descriptor of a subject with the fields that the spec requires.
func PlainSubject(subject *ocispec.Descriptor) *ocispec.Descriptor {
	if subject == nil {
		return nil
	}
	return &ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
}

// annotations returns the annotations of a manifest. Those of the plan override those that the kind derives. It adds the
// creation time unless that is zero.
func annotations(plan *artifact.Plan, more map[string]string, created time.Time) map[string]string {
	all := make(map[string]string, len(plan.Annotations)+len(more)+1)
	if !created.IsZero() {
		all[ocispec.AnnotationCreated] = created.UTC().Format(time.RFC3339)
	}
	maps.Copy(all, more)
	maps.Copy(all, plan.Annotations)
	if len(all) == 0 {
		return nil
	}
	return all
}
