package pack

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// node is one manifest of the artifact to be, or an index with a node for each platform.
type node struct {
	plan      *artifact.Plan
	created   time.Time  // annotated, unless zero
	base      *baseImage // nil: none
	blobs     []*blob    // layers, in the order of the plan until composed
	platforms []*node    // of an index
	referrers []*node    // their subject is this node's manifest
	// Known when composed:
	subject  *ocispec.Descriptor // of the manifest; nil: none
	config   document            // nothing for an index
	manifest document
	packed   []artifact.Packed
	entry    map[string]string // annotations of the manifest's descriptor in an index
}

// newNode looks at the plan's files; it reads none of them.
func newNode(ctx context.Context, p *packer, plan *artifact.Plan, base *baseRef) (*node, error) {
	n := &node{plan: plan, created: p.Created}
	for _, r := range plan.Referrers {
		child, err := newNode(ctx, p, r, nil)
		if err != nil {
			return nil, err
		}
		n.referrers = append(n.referrers, child)
	}
	platforms := plan.Platforms
	if len(platforms) == 0 && plan.Kind.Shape == mediatypes.Index {
		single := *plan
		single.Referrers, single.Kind.Shape = nil, mediatypes.Image
		platforms = []*artifact.Plan{&single}
	}
	for _, platform := range platforms {
		child, err := newNode(ctx, p, platform, base)
		if err != nil {
			return nil, err
		}
		n.platforms = append(n.platforms, child)
	}
	if len(platforms) > 0 {
		return n, nil
	}
	return n, n.addBlobs(ctx, p, base)
}

func (n *node) addBlobs(ctx context.Context, p *packer, base *baseRef) error {
	if base != nil {
		loaded, err := loadBase(ctx, base, n.plan.Platform)
		if err != nil {
			return err
		}
		n.base = loaded
	}
	for _, layer := range n.plan.Layers {
		blobs, err := p.layers(ctx, layer)
		if err != nil {
			return failed("packing", layer.Path, err)
		}
		n.blobs = append(n.blobs, blobs...)
	}
	return nil
}

// all calls fn for the node and every node below it, referrers last.
func (n *node) all(fn func(*node) error) error {
	for _, children := range [][]*node{n.platforms, n.referrers} {
		for _, child := range children {
			if err := child.all(fn); err != nil {
				return err
			}
		}
	}
	return fn(n)
}

// allBlobs of the node and of what is below it.
func (n *node) allBlobs() []*blob {
	var blobs []*blob
	n.all(func(n *node) error { blobs = append(blobs, n.blobs...); return nil })
	return blobs
}

// compose makes configs and manifests of the node and all below it, from layers whose digests are known.
func (n *node) compose(subject *ocispec.Descriptor) error {
	n.subject = subject
	manifest := n.composeManifest
	if len(n.platforms) > 0 {
		manifest = n.composeIndex
	}
	if err := manifest(); err != nil {
		return fmt.Errorf("packing %s: %w", n.plan.Kind.Name, err)
	}
	for _, r := range n.referrers {
		if err := r.compose(&n.manifest.desc); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) composeIndex() error {
	entries := make([]ocispec.Descriptor, len(n.platforms))
	for i, p := range n.platforms {
		if err := p.compose(nil); err != nil {
			return err
		}
		entries[i] = p.entryDescriptor()
	}
	var err error
	n.manifest, err = n.newIndex(entries)
	return err
}

func (n *node) composeManifest() error {
	blobs := slices.Clone(n.blobs)
	sortLayers(n.plan.Kind, blobs)
	n.packed = make([]artifact.Packed, len(blobs))
	layers := n.base.layers()
	for i, b := range blobs {
		desc := b.descriptor()
		desc.MediaType = n.base.mediaType(desc.MediaType)
		n.packed[i] = artifact.Packed{Layer: b.layer, Descriptor: desc, DiffID: b.diffID, Info: b.info}
		layers = append(layers, desc)
	}
	finished, err := finish(n.plan, n.packed)
	if err != nil {
		return err
	}
	configType, config := n.plan.ConfigType, finished.Config
	if n.base != nil {
		if configType, config, err = n.base.merge(configType, config); err != nil {
			return err
		}
	}
	n.config, n.entry = newConfig(configType, config), finished.Entry
	n.manifest, err = n.newManifest(layers, finished.Annotations)
	return err
}
