package node

import (
	"github.com/davit-oci/davit/pack/internal/blob"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Contents returns the descriptors of everything that a composed node consists of.
func (n *Node) Contents() []ocispec.Descriptor {
	var all []ocispec.Descriptor
	for _, p := range n.Platforms {
		all = append(all, p.Contents()...)
	}
	all = append(all, n.Base.Layers()...)
	for _, p := range n.Packed {
		all = append(all, p.Descriptor)
	}
	for _, b := range n.configs() {
		all = append(all, b.Desc)
	}
	all = append(all, n.EntryDescriptor())
	for _, r := range n.Referrers {
		all = append(all, r.Contents()...)
	}
	return all
}

// EntryDescriptor returns the descriptor of the node's manifest as an index lists it.
func (n *Node) EntryDescriptor() ocispec.Descriptor {
	desc := n.Manifest.Desc
	desc.Platform, desc.Annotations = n.Plan.Platform, n.entry
	return desc
}

// Layers returns the layers of the artifact, including those of its bases.
func Layers(root *Node) []*blob.Blob {
	var blobs []*blob.Blob
	root.Walk(func(n *Node) error { blobs = append(append(blobs, n.Base.Blobs()...), n.Blobs...); return nil })
	return blobs
}

// Configs returns the configs of the artifact, which are known once its layers are.
func Configs(root *Node) []*blob.Blob {
	var blobs []*blob.Blob
	root.Walk(func(n *Node) error { blobs = append(blobs, n.configs()...); return nil })
	return blobs
}

// configs returns the config of the node's manifest, and the placeholder for an empty list of layers.
func (n *Node) configs() []*blob.Blob {
	if n.Config.Bytes == nil {
		return nil
	}
	docs := []Document{n.Config}
	if len(n.Packed) == 0 && n.Base == nil {
		docs = append(docs, Document{ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data})
	}
	blobs := make([]*blob.Blob, len(docs))
	for i, d := range docs {
		blobs[i] = &blob.Blob{Name: d.Desc.Digest.String(), Desc: d.Desc, DiffID: d.Desc.Digest, Origin: blob.BytesOrigin(d.Bytes)}
	}
	return blobs
}

// RefersTo reports whether the node's manifest refers to the digest.
func (n *Node) RefersTo(d digest.Digest) bool {
	if n.Subject != nil && n.Subject.Digest == d || n.Config.Bytes != nil && n.Config.Desc.Digest == d {
		return true
	}
	for _, p := range n.Platforms {
		if p.Manifest.Desc.Digest == d {
			return true
		}
	}
	for _, b := range append(n.Base.Blobs(), n.Blobs...) {
		if b.Desc.Digest == d {
			return true
		}
	}
	return false
}
