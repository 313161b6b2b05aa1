package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// node is one manifest of the artifact to be, or an index with a node for each platform.
type node struct {
	plan      *artifact.Plan
	opts      Options
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
func newNode(ctx context.Context, fsys fs.FS, plan *artifact.Plan, opts Options, shop *workshop) (*node, error) {
	n := &node{plan: plan, opts: opts}
	below := opts
	below.Base = nil
	for _, r := range plan.Referrers {
		child, err := newNode(ctx, fsys, r, below, shop)
		if err != nil {
			return nil, err
		}
		n.referrers = append(n.referrers, child)
	}
	if len(plan.Platforms) > 0 {
		below.Base = opts.Base
		return n, n.addPlatforms(ctx, fsys, plan.Platforms, below, shop)
	}
	if plan.Kind.Shape == mediatypes.Index {
		single := *plan
		single.Referrers, single.Kind.Shape = nil, mediatypes.Image
		below.Base = opts.Base
		return n, n.addPlatforms(ctx, fsys, []*artifact.Plan{&single}, below, shop)
	}
	return n, n.addBlobs(ctx, fsys, shop)
}

func (n *node) addPlatforms(ctx context.Context, fsys fs.FS, plans []*artifact.Plan, opts Options, shop *workshop) error {
	for _, p := range plans {
		child, err := newNode(ctx, fsys, p, opts, shop)
		if err != nil {
			return err
		}
		n.platforms = append(n.platforms, child)
	}
	return nil
}

func (n *node) addBlobs(ctx context.Context, fsys fs.FS, shop *workshop) error {
	if n.opts.Base != nil {
		base, err := loadBase(ctx, n.opts.Base, n.plan.Platform)
		if err != nil {
			return err
		}
		n.base = base
	}
	for _, layer := range n.plan.Layers {
		blobs, err := newBlobs(ctx, fsys, layer, n.opts, shop)
		if err != nil {
			return &artifact.Error{Op: "packing", Item: layer.Path, Err: bare(err, layer.Path)}
		}
		n.blobs = append(n.blobs, blobs...)
	}
	return nil
}

// bare takes the path out of an error that a message with the same path goes around.
func bare(err error, path string) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && pathErr.Path == path {
		return pathErr.Err
	}
	var ours *artifact.Error
	if errors.As(err, &ours) && ours.Item == path && ours.Op == "" {
		return ours.Err
	}
	return err
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

// measure learns the digests that are not known, several files at once.
func measure(ctx context.Context, blobs []*blob, opts Options) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(hashers())
	for _, b := range blobs {
		if b.known() {
			continue
		}
		group.Go(func() error {
			if err := b.measure(ctx, false); err != nil {
				return &artifact.Error{Op: "packing", Item: b.layer.Path, Err: bare(err, b.layer.Path)}
			}
			remember(opts.Digests, b)
			return nil
		})
	}
	return group.Wait()
}

// remember writes down what a blob turned out to be.
func remember(digests Digests, b *blob) {
	switch o := b.origin.(type) {
	case *fileOrigin:
		if digests != nil {
			digests.Store(o.info, b.desc.Digest)
		}
	case *tarOrigin:
		o.shop.trees.store(o.print, treeRecord{b.desc.Digest, b.diffID, b.desc.Size})
	}
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
