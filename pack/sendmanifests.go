package pack

import (
	"bytes"
	"context"
	"errors"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/pack/internal/node"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// pushManifests sends the manifests of the platforms first, then the index, then the referrers, and then moves the tags.
func (p *pusher) pushManifests(ctx context.Context, root *node.Node, tagged *ocispec.Descriptor) error {
	err := root.Walk(func(n *node.Node) error {
		if n == root || n.Subject != nil {
			return nil
		}
		return p.pushManifest(ctx, n)
	})
	if err != nil {
		return err
	}
	// With a tag, the manifest is sent last, under that tag. Referrers and signatures need it earlier.
	if len(root.Referrers) > 0 || len(p.tags) == 0 || p.hooks.tag != nil {
		if err := p.pushManifest(ctx, root); err != nil {
			return err
		}
	}
	err = fetch.BatchReferrers(ctx, p.dst, func() error {
		return root.Walk(func(n *node.Node) error {
			if n == root || n.Subject == nil {
				return nil
			}
			return p.pushManifest(ctx, n)
		})
	})
	if err != nil {
		return err
	}
	if err := p.callBeforeTag(ctx, root.Manifest); err != nil {
		return err
	}
	if tagged != nil && tagged.Digest == root.Manifest.Desc.Digest {
		listed, err := p.isListed(ctx, root)
		if err != nil {
			return err
		}
		if !listed {
			tagged = nil // the manifest is sent again, so that the registry lists it
		}
	}
	return p.moveTags(ctx, root.Manifest, tagged)
}

// callBeforeTag calls the hook BeforeTag for a stored manifest, if the hook is set.
func (p *pusher) callBeforeTag(ctx context.Context, m node.Document) error {
	if p.hooks.tag == nil {
		return nil
	}
	return p.hooks.tag(ctx, m.Desc)
}

// pushManifest sends a manifest without a tag. If blobs were sent, the manifest is new and no check is needed.
func (p *pusher) pushManifest(ctx context.Context, n *node.Node) error {
	m := n.Manifest
	step, err := artifact.Done, error(nil)
	if !p.sent.Load() {
		ok, err := p.dst.Exists(ctx, m.Desc)
		if ok && err == nil {
			ok, err = p.isListed(ctx, n)
		}
		if err != nil {
			return &artifact.Error{Op: "pushing", Item: m.Desc.Digest.String(), Err: err}
		}
		if ok {
			step = artifact.Skipped
		}
	}
	if step == artifact.Done {
		err = p.dst.Push(ctx, m.Desc, bytes.NewReader(m.Bytes))
	}
	if errors.Is(err, errdef.ErrAlreadyExists) {
		step, err = artifact.Skipped, nil
	}
	if err != nil {
		return &artifact.Error{Op: "pushing", Item: m.Desc.Digest.String(), Err: err}
	}
	p.reportDone(m.Desc.Digest.String(), m.Desc, step)
	return nil
}

// isListed reports whether a manifest in the target is among the referrers of its subject, if it has one. Layouts need no
// list: they search their manifests.
func (p *pusher) isListed(ctx context.Context, n *node.Node) (bool, error) {
	graph, ok := p.dst.(content.ReadOnlyGraphStorage)
	if n.Subject == nil || !ok || !p.keepsBlobs() {
		return true, nil
	}
	return p.listed.Has(ctx, graph, n.Subject.Digest, n.Manifest.Desc.Digest)
}

// moveTags moves every tag to the manifest. It skips tags that already point to it. The first tag points to tagged, which is
// nil if that tag must move.
func (p *pusher) moveTags(ctx context.Context, m node.Document, tagged *ocispec.Descriptor) error {
	for i, tag := range p.tags {
		old := tagged
		if i > 0 {
			old, _ = p.resolveTag(ctx, tag) // if that fails, moving the tag reports the error
		}
		if old != nil && old.Digest == m.Desc.Digest {
			continue
		}
		if err := p.moveTag(ctx, m, tag); err != nil {
			return &artifact.Error{Op: "tagging", Item: tag, Err: err}
		}
		p.sent.Store(true)
		if i == 0 {
			old = p.first
		}
		p.recordMove(tag, old, m.Desc.Digest)
	}
	return nil
}

func (p *pusher) moveTag(ctx context.Context, m node.Document, tag string) error {
	if pusher, ok := p.dst.(registry.ReferencePusher); ok {
		return pusher.PushReference(ctx, m.Desc, bytes.NewReader(m.Bytes), tag)
	}
	if err := p.dst.Push(ctx, m.Desc, bytes.NewReader(m.Bytes)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return err
	}
	return p.dst.Tag(ctx, m.Desc, tag)
}
