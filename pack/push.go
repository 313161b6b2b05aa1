package pack

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync/atomic"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/pack/internal/blob"
	"github.com/davit-oci/davit/pack/internal/node"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Push packs the plan and sends it to dst: layers first, the largest before the others, then configs and manifests, then referrers,
// and the tags last. It does not send blobs that dst has. If dst has everything, tags included, the result has Skipped set.
//
// A large file that opts.Cache does not know is hashed while it is sent, if dst is a BlobPusher.
//
// Push fails with artifact.ErrChanged if a file changes while it is read, and with an *artifact.Error if a file can't be
// read. It returns errors of BeforeSend and BeforeTag unchanged, and may wrap those of dst. Unless moving a tag failed, no
// tag has moved after an error. Blobs that were sent stay, and the next Push continues with them.
func Push(ctx context.Context, fsys fs.FS, plan *artifact.Plan, dst oras.Target, opts PushOptions) (*Result, error) {
	p, root, err := newPusher(ctx, opts.newPacker(fsys), plan, dst, opts)
	if err != nil {
		return nil, err
	}
	defer p.packer.Pool.Trees.Save()
	if err := p.push(ctx, root); err != nil {
		return nil, err
	}
	r := newResult(root)
	r.Tags, r.Skipped, r.Was = p.tags, !p.sent.Load(), p.was
	return r, nil
}

// newPusher determines the manifests to push and the tags to move, for Push and for PreviewPush.
func newPusher(ctx context.Context, packer *blob.Packer, plan *artifact.Plan, dst oras.Target, opts PushOptions) (
	*pusher, *node.Node, error) {
	root, err := node.New(ctx, packer, plan, opts.base())
	if err != nil {
		return nil, nil, err
	}
	tags, err := planTags(ctx, dst, plan)
	if err != nil {
		return nil, nil, err
	}
	return &pusher{dst: dst, opts: opts.Options, packer: packer, subject: opts.Subject, tags: lists.Unique(slices.Concat(opts.Tags, tags)),
		hooks: hooks{send: opts.BeforeSend, tag: opts.BeforeTag}}, root, nil
}

// pusher sends one artifact.
type pusher struct {
	dst     oras.Target
	opts    Options
	packer  *blob.Packer
	subject *ocispec.Descriptor // of the artifact
	tags    []string
	first   *ocispec.Descriptor      // the manifest that the first tag points to
	was     map[string]digest.Digest // the previous digests of tags that moved
	old     knownBlobs               // of the manifest that the first tag points to
	sent    atomic.Bool              // whether anything was sent
	hooks   hooks
	listed  fetch.Listed
}

// hooks are the BeforeSend and BeforeTag of PushOptions; each may be nil.
type hooks struct {
	send, tag func(context.Context, ocispec.Descriptor) error
}

func (p *pusher) push(ctx context.Context, root *node.Node) error {
	blobs := root.AllBlobs()
	tagged, err := p.resolveFirstTag(ctx)
	if err != nil {
		return err
	}
	p.first = tagged
	if err := p.callBeforeSend(ctx, root, blobs); err != nil {
		return err
	}
	if err := p.measureSmall(ctx, blobs); err != nil {
		return err
	}
	known := !slices.ContainsFunc(blobs, func(b *blob.Blob) bool { return !b.IsKnown() })
	if known {
		if err := root.Compose(p.subject); err != nil {
			return err
		}
		switch complete, err := p.isComplete(ctx, root, tagged); {
		case err != nil:
			return err
		case complete:
			return p.callBeforeTag(ctx, root.Manifest)
		}
		if !p.keepsBlobs() {
			tagged = nil // the manifest that the tag points to may be the missing one
		}
	}
	if tagged != nil && (!known || len(blobs) >= manyBlobs) {
		p.old = p.readKnownBlobs(ctx, *tagged)
	}
	err = p.pushAll(ctx, root, tagged, known)
	if len(p.old.blobs) > 0 && isRefusal(err) {
		p.old.blobs = nil // the target may have lost a blob: check each of them now
		err = p.pushAll(ctx, root, tagged, false)
	}
	return err
}

// callBeforeSend reads all files and calls the hook BeforeSend, if the hook is set.
func (p *pusher) callBeforeSend(ctx context.Context, root *node.Node, blobs []*blob.Blob) error {
	if p.hooks.send == nil {
		return nil
	}
	if err := p.packer.Measure(ctx, blobs); err != nil {
		return err
	}
	if err := root.Compose(p.subject); err != nil {
		return err
	}
	return p.hooks.send(ctx, root.Manifest.Desc)
}

// manyBlobs is the smallest number of blobs for which reading the manifest that the tag points to is faster than checking for
// each blob.
const manyBlobs = 8

// isRefusal reports whether a registry may have rejected a manifest because it lacks a blob. Registries use different
// statuses for that. Statuses for credentials, quotas, and rate limits have other causes.
func isRefusal(err error) bool {
	var answer *errcode.ErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case 400, 404, 409, 412, 422:
		return true
	}
	return false
}

// pushAll sends the blobs and then the manifests. If a digest was not known before, it composes the node between the two.
func (p *pusher) pushAll(ctx context.Context, root *node.Node, tagged *ocispec.Descriptor, known bool) error {
	blobs := node.Layers(root)
	if known {
		blobs = append(blobs, node.Configs(root)...)
	}
	if err := p.pushBlobs(ctx, blobs); err != nil {
		return err
	}
	if !known {
		if err := root.Compose(p.subject); err != nil {
			return err
		}
		if err := p.pushBlobs(ctx, node.Configs(root)); err != nil {
			return err
		}
	}
	return p.pushManifests(ctx, root, tagged)
}

// smallFiles is the maximum total size in bytes of the files that measureSmall reads. Reading them takes less time than a round trip.
const smallFiles = 1 << 20

// measureSmall hashes small files before anything is sent, so that the config may be sent at the same time as the layers.
func (p *pusher) measureSmall(ctx context.Context, blobs []*blob.Blob) error {
	var left int64 = smallFiles
	for _, b := range blobs {
		if _, file := b.Origin.(*blob.FileOrigin); !file || b.IsKnown() {
			continue
		}
		if left -= b.Desc.Size; left < 0 {
			return nil
		}
		if err := b.Measure(ctx, true); err != nil {
			return blob.Failed("pushing", b.Name, err)
		}
		p.packer.Remember(b)
	}
	return nil
}

// resolveFirstTag returns the descriptor that the first tag points to, or nil if the tag does not exist yet.
func (p *pusher) resolveFirstTag(ctx context.Context) (*ocispec.Descriptor, error) {
	if len(p.tags) == 0 {
		return nil, nil
	}
	return p.resolveTag(ctx, p.tags[0])
}

// resolveTag returns the descriptor that a tag points to, or nil if it does not exist yet.
func (p *pusher) resolveTag(ctx context.Context, tag string) (*ocispec.Descriptor, error) {
	desc, err := p.dst.Resolve(ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) || errors.Is(err, errdef.ErrInvalidReference) || fetch.IsDenied(err) {
		return nil, nil // some registries deny access to a tag that does not exist yet; in a layout, several repositories may have the tag
	}
	if err != nil {
		return nil, err
	}
	return &desc, nil
}

// recordMove records the digest that a tag points to before the tag moves.
func (p *pusher) recordMove(tag string, old *ocispec.Descriptor, to digest.Digest) {
	if old == nil || old.Digest == to {
		return
	}
	if p.was == nil {
		p.was = map[string]digest.Digest{}
	}
	p.was[tag] = old.Digest
}

// isComplete reports whether the target has the complete artifact, under all its tags.
func (p *pusher) isComplete(ctx context.Context, root *node.Node, tagged *ocispec.Descriptor) (bool, error) {
	want := root.Manifest.Desc.Digest
	if tagged != nil && tagged.Digest != want {
		return false, nil
	}
	if tagged == nil {
		if len(p.tags) > 0 {
			return false, nil
		}
		if ok, err := p.dst.Exists(ctx, root.Manifest.Desc); err != nil || !ok {
			return false, err
		}
	}
	for _, tag := range p.tags[min(1, len(p.tags)):] {
		desc, err := p.dst.Resolve(ctx, tag)
		if errors.Is(err, errdef.ErrNotFound) || err == nil && desc.Digest != want {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	if ok, err := p.hasAllBlobs(ctx, root); err != nil || !ok {
		return false, err
	}
	return p.hasAllManifests(ctx, root)
}

// keepsBlobs reports whether the blobs of a manifest in the target need no check.
func (p *pusher) keepsBlobs() bool {
	keeper, ok := p.dst.(BlobKeeper)
	return ok && keeper.KeepsBlobs()
}

// hasAllBlobs reports whether the target has every blob of the artifact, whose manifest it has. It does not ask a target that keeps
// blobs.
func (p *pusher) hasAllBlobs(ctx context.Context, root *node.Node) (bool, error) {
	if p.keepsBlobs() {
		return true, nil
	}
	for _, b := range slices.Concat(node.Layers(root), node.Configs(root)) {
		if ok, err := p.dst.Exists(ctx, b.Desc); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// hasAllManifests reports whether the target has all manifests. It always checks for referrers, which can change while the artifact
// does not, and for the other manifests unless the target keeps blobs.
func (p *pusher) hasAllManifests(ctx context.Context, root *node.Node) (bool, error) {
	missing := false
	err := root.Walk(func(n *node.Node) error {
		if missing || p.keepsBlobs() && n.Subject == nil {
			return nil
		}
		ok, err := p.keepsBlobs() && n == root, error(nil) // the root was found under its tag
		if !ok {
			ok, err = p.dst.Exists(ctx, n.Manifest.Desc)
		}
		if ok && err == nil {
			ok, err = p.isListed(ctx, n)
		}
		missing = !ok
		return err
	})
	return err == nil && !missing, err
}
