// Package node composes the manifests, indexes, and configs of an artifact out of its blobs.
package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/internal/blob"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Node is a manifest of the future artifact, or an index with a node for each platform.
type Node struct {
	Plan      *artifact.Plan
	Created   time.Time    // annotated, unless zero
	Base      *baseImage   // nil if the image has no base
	Blobs     []*blob.Blob // layers, in the order of the plan until composed
	Platforms []*Node      // of an index
	Referrers []*Node      // their subject is this node's manifest
	// Known when composed:
	Subject  *ocispec.Descriptor // of the manifest; nil if it has none
	Config   Document            // empty for an index
	Manifest Document
	Packed   []artifact.Packed
	Attached map[string]string // annotations that the manifest has only because it has a subject
	entry    map[string]string // annotations of the manifest's descriptor in an index
}

// New returns the node of a plan. It inspects the plan's files without reading them.
func New(ctx context.Context, p *blob.Packer, plan *artifact.Plan, base *Base) (*Node, error) {
	n := &Node{Plan: plan, Created: p.Created}
	for _, r := range plan.Referrers {
		child, err := New(ctx, p, r, nil)
		if err != nil {
			return nil, err
		}
		n.Referrers = append(n.Referrers, child)
	}
	platforms := plan.Platforms
	if len(platforms) == 0 && plan.Kind.Shape.HasEntries() {
		single := *plan
		single.Referrers, single.Kind.Shape = nil, mediatypes.Image
		platforms = []*artifact.Plan{&single}
	}
	for _, platform := range platforms {
		child, err := New(ctx, p, platform, base)
		if err != nil {
			return nil, err
		}
		n.Platforms = append(n.Platforms, child)
	}
	if len(platforms) > 0 {
		return n, nil
	}
	return n, n.addBlobs(ctx, p, base)
}

func (n *Node) addBlobs(ctx context.Context, p *blob.Packer, base *Base) error {
	if base != nil {
		loaded, err := loadBase(ctx, base, n.Plan.Platform)
		if err != nil {
			return err
		}
		n.Base = loaded
	}
	for _, layer := range n.Plan.Layers {
		blobs, err := p.Layers(ctx, layer)
		if err != nil {
			return blob.Failed("packing", layer.Path, err)
		}
		n.Blobs = append(n.Blobs, blobs...)
	}
	return nil
}

// Walk calls fn for the node and every node below it, referrers last.
func (n *Node) Walk(fn func(*Node) error) error {
	for _, children := range [][]*Node{n.Platforms, n.Referrers} {
		for _, child := range children {
			if err := child.Walk(fn); err != nil {
				return err
			}
		}
	}
	return fn(n)
}

// AllBlobs returns the layers of the node and of all nodes below it.
func (n *Node) AllBlobs() []*blob.Blob {
	var blobs []*blob.Blob
	n.Walk(func(n *Node) error { blobs = append(blobs, n.Blobs...); return nil })
	return blobs
}

// Compose creates the configs and manifests of the node and of all nodes below it, from layers whose digests are known.
func (n *Node) Compose(subject *ocispec.Descriptor) error {
	n.Subject = subject
	manifest := n.composeManifest
	if len(n.Platforms) > 0 {
		manifest = n.composeIndex
	}
	if err := manifest(); err != nil {
		return fmt.Errorf("packing %s: %w", n.Plan.Kind.Name, err)
	}
	for _, r := range n.Referrers {
		if err := r.Compose(&n.Manifest.Desc); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) composeIndex() error {
	entries := make([]ocispec.Descriptor, len(n.Platforms))
	for i, p := range n.Platforms {
		if err := p.Compose(nil); err != nil {
			return err
		}
		entries[i] = p.EntryDescriptor()
	}
	var err error
	n.Manifest, err = n.NewIndex(entries)
	return err
}

func (n *Node) composeManifest() error {
	blobs := slices.Clone(n.Blobs)
	sortLayers(n.Plan.Kind, blobs)
	n.Packed = make([]artifact.Packed, len(blobs))
	layers := n.Base.Layers()
	for i, b := range blobs {
		desc := b.Descriptor()
		desc.MediaType = n.Base.mediaType(desc.MediaType)
		n.Packed[i] = artifact.Packed{Layer: b.Layer, Descriptor: desc, DiffID: b.DiffID, Info: b.Info}
		layers = append(layers, desc)
	}
	finished, err := finish(n.Plan, n.Packed)
	if err != nil {
		return err
	}
	configType, config := n.Plan.ConfigType, finished.Config
	if n.Base != nil {
		if configType, config, err = n.Base.merge(configType, config); err != nil {
			return err
		}
	}
	n.Config, n.entry = newConfig(configType, config), finished.Entry
	n.Manifest, err = n.newManifest(layers, finished)
	return err
}
