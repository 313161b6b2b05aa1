package registry

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/remote"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// CopyOptions configure a copy. Either Reference or AllTags is required.
type CopyOptions struct {
	Reference string            // tag or digest in the source
	AllTags   bool              // copy every tag of the source; Reference is ignored then
	Platform  *ocispec.Platform // copy the manifest of an index for this platform; nil copies the index
	Tags      []string          // tags of the copy, which may be untagged. With AllTags, they are added to the tag of the source
	// From is the source repository, HOST/REPO, whose tags AllTags copies; if empty, the one that the source records for a tag, if
	// any. A layout or archive records From with the tags, or As if it is set, and keeps the same tags of other repositories.
	From, As  string
	Referrers bool // copy the referrers, their referrers, and so on, and the manifests that cosign keeps under tags; at most 20,000

	Concurrency int               // blobs copied at once; 0 means 8
	Progress    artifact.Progress // receives every step, unless nil

	// BeforeCopy is called with each artifact once its reference is resolved, and before its content is read, for example to
	// verify a signature. Exactly this manifest is copied. An error ends the copy. It may be nil.
	BeforeCopy func(ctx context.Context, manifest ocispec.Descriptor) error
	// BeforeTag is called with each artifact once it and its referrers are stored, and before a tag moves to it. An error
	// ends the copy. It may be nil.
	BeforeTag func(ctx context.Context, manifest ocispec.Descriptor) error
}

// CopyResult lists the copied artifacts.
type CopyResult struct {
	Artifacts []Copied // one; with CopyOptions.AllTags, one for each tag of the source, sorted by tag
}

// Copied describes a copied artifact.
type Copied struct {
	Descriptor ocispec.Descriptor
	Tags       []string
	Referrers  []ocispec.Descriptor // with CopyOptions.Referrers
	Gone       []ocispec.Descriptor // referrers that the source lists but does not have
	Left       []ocispec.Descriptor // with CopyOptions.Platform and Referrers: BuildKit's attestations in the index, which are not copied
	Skipped    bool                 // the target had everything, including each tag

	// Kinds are the names of the kinds of those Referrers that cosign keeps under tags, which their descriptors do not show.
	Kinds map[digest.Digest]string
	Was   map[string]digest.Digest // the previous digests of tags that moved, by tag
	// Repository is set if the target is a layout or archive that has the same tags of another repository: the tags must be
	// prefixed with it.
	Repository string
}

// Copy copies an artifact or image from one target to another, byte for byte. Blobs that dst has are not sent. Between
// repositories of the same registry, blobs are mounted. Layers that must not be distributed are left out.
//
// After an error, dst keeps the blobs that it has received, a layout even when it is closed, and the next Copy continues with
// them. Pass the error to Close of dst, too: without an error, Close writes an archive.
//
// Copy fails with errdef.ErrNotFound if src does not have the reference or an index does not have the platform, and with
// artifact.ErrRefused if content does not match its digest or size. Errors of registries are a *[Denied] or an *[Unavailable].
func Copy(ctx context.Context, src, dst Target, opts CopyOptions) (*CopyResult, error) {
	c := newCopier(src, dst, opts)
	if b, ok := dst.(batcher); ok {
		b.Batch()
	}
	result, err := c.run(ctx)
	if b, ok := dst.(batcher); ok {
		if flushErr := b.Flush(context.WithoutCancel(ctx)); err == nil {
			err = flushErr
		}
	}
	if k, ok := dst.(keeper); ok && err != nil {
		k.Keep()
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

// keeper is a target that removes unreferenced blobs when it is closed, unless it is told to keep them.
type keeper interface {
	Keep()
}

// batcher is a target that adds many manifests to its index at once, which takes much less time than one by one.
type batcher interface {
	Batch()
	Flush(ctx context.Context) error
}

// maxCopied limits the manifests that are copied with one artifact: a hostile registry could list an endless chain of referrers.
const maxCopied = 2 * fetch.MaxReferrers

// copier copies graphs from one target to another.
type copier struct {
	src, dst Target
	opts     CopyOptions
	graph    oras.CopyGraphOptions
	to       *copyTarget
}

func newCopier(src, dst Target, opts CopyOptions) *copier {
	c := &copier{src: src, dst: dst, opts: opts, to: &copyTarget{Target: dst, src: src, progress: opts.Progress}}
	c.graph.Concurrency = opts.Concurrency
	if c.graph.Concurrency == 0 {
		c.graph.Concurrency = concurrency.Default
	}
	c.graph.FindSuccessors = func(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		inside, err := manifest.Successors(ctx, src, desc)
		for i := 0; err == nil && manifest.IsIndex(desc.MediaType) && i < len(inside); i++ {
			err = manifest.CheckKnown(ctx, lazySource{c.src}, inside[i])
		}
		if err == nil {
			err = c.copyLarge(ctx, inside)
		}
		for _, one := range inside {
			if !manifest.Is(one.MediaType) && !manifest.IsNondistributable(one.MediaType) {
				c.to.report(artifact.Planned, one, 0)
			}
		}
		return inside, err
	}
	c.graph.OnCopySkipped = func(_ context.Context, desc ocispec.Descriptor) error {
		c.to.report(artifact.Skipped, desc, desc.Size)
		return nil
	}
	c.graph.OnMounted = func(_ context.Context, desc ocispec.Descriptor) error {
		c.to.report(artifact.Mounted, desc, desc.Size)
		return nil
	}
	if from, ok := mountSource(src, dst); ok {
		c.graph.MountFrom = func(context.Context, ocispec.Descriptor) ([]string, error) { return []string{from}, nil }
	}
	return c
}

// mountSource returns the repository that dst can mount blobs from: src, if both are in the same registry.
func mountSource(src, dst Target) (repository string, ok bool) {
	from, fromRegistry := src.(*remote.Repository)
	to, toRegistry := dst.(*remote.Repository)
	if !fromRegistry || !toRegistry {
		return "", false
	}
	fromHost, repository := from.Name()
	toHost, _ := to.Name()
	return repository, fromHost == toHost
}

func (c *copier) run(ctx context.Context) (*CopyResult, error) {
	if c.opts.AllTags {
		return c.copyAllTags(ctx)
	}
	one, err := c.copyReference(ctx, c.opts.Reference, c.opts.Tags)
	if err != nil {
		return nil, err
	}
	return &CopyResult{Artifacts: []Copied{*one}}, nil
}

// copyAllTags copies every tag of the source except those of the referrers tag schema: the target has its own.
func (c *copier) copyAllTags(ctx context.Context) (*CopyResult, error) {
	tags, named, err := c.listSourceTags(ctx)
	if err != nil {
		return nil, err
	}
	result := &CopyResult{}
	for _, tag := range slices.DeleteFunc(tags, manifest.IsReferrersTag) {
		one, err := c.copyReference(ctx, named(tag), append([]string{tag}, c.opts.Tags...))
		if err != nil {
			return nil, err
		}
		result.Artifacts = append(result.Artifacts, *one)
	}
	return result, nil
}

// copyReference copies the artifact that a tag or digest refers to, and tags the copy.
func (c *copier) copyReference(ctx context.Context, reference string, tags []string) (*Copied, error) {
	desc, err := c.src.Resolve(ctx, reference)
	if err != nil {
		return nil, err
	}
	one := &Copied{Descriptor: desc}
	if c.opts.Platform != nil && manifest.IsIndex(desc.MediaType) {
		index, err := fetch.Load(ctx, c.src, desc)
		if err != nil {
			return nil, err
		}
		if desc, err = fetch.EntryFor(index, c.opts.Platform); err != nil {
			return nil, err
		}
		one.Descriptor = desc
		if c.opts.Referrers {
			one.Left = manifest.AttestationsOf(index.Manifests, desc.Digest)
		}
	}
	from := cmp.Or(c.opts.As, c.from(ctx, desc, reference))
	for _, tag := range tags {
		if !slices.Contains(one.Tags, tag) {
			one.Tags = append(one.Tags, tag)
		}
	}
	if err := callHook(ctx, c.opts.BeforeCopy, desc); err != nil {
		return nil, err
	}
	if err := manifest.CheckKnown(ctx, lazySource{c.src}, desc); err != nil {
		return nil, err
	}
	sent := c.to.sent.Load()
	if err := c.copy(ctx, desc); err != nil {
		return nil, err
	}
	if c.opts.Referrers {
		one.Kinds = map[digest.Digest]string{}
		if err := fetch.BatchReferrers(ctx, c.dst, func() error { return c.copyReferrers(ctx, one) }); err != nil {
			return nil, err
		}
		one.Left = lists.Delete(one.Left, func(left ocispec.Descriptor) bool {
			return slices.ContainsFunc(one.Referrers, func(r ocispec.Descriptor) bool { return r.Digest == left.Digest })
		})
	}
	if err := callHook(ctx, c.opts.BeforeTag, desc); err != nil {
		return nil, err
	}
	moved, err := c.tag(ctx, one, from)
	if err != nil {
		return nil, err
	}
	one.Skipped = !moved && c.to.sent.Load() == sent
	return one, nil
}

// callHook calls a hook of the options, unless it is nil.
func callHook(ctx context.Context, hook func(context.Context, ocispec.Descriptor) error, desc ocispec.Descriptor) error {
	if hook == nil {
		return nil
	}
	return hook(ctx, desc)
}

// maxManifestBytes is the total size of the manifests of an index above which they are copied one by one. oras.CopyGraph keeps
// the manifests of a graph in memory until the graph is copied, in buffers of up to twice their size.
const maxManifestBytes = 8 << 20

// copyLarge copies the manifests of an index, with their content, if their total size exceeds maxManifestBytes.
func (c *copier) copyLarge(ctx context.Context, inside []ocispec.Descriptor) error {
	var manifests []ocispec.Descriptor
	size := int64(0)
	for _, one := range inside {
		if manifest.Is(one.MediaType) {
			size += one.Size
			manifests = append(manifests, one)
		}
	}
	if size <= maxManifestBytes || len(manifests) == 1 {
		return nil
	}
	for _, one := range manifests {
		if err := oras.CopyGraph(ctx, lazySource{c.src}, c.to, one, c.graph); err != nil {
			return err
		}
	}
	return nil
}

// copy copies one graph. If desc is a referrer, the target lists it afterwards, even if an interrupted copy had stored it
// without listing it.
func (c *copier) copy(ctx context.Context, desc ocispec.Descriptor) error {
	if err := c.to.markUnlisted(ctx, desc); err != nil {
		return err
	}
	err := oras.CopyGraph(ctx, lazySource{c.src}, c.to, desc, c.graph)
	var copyErr *oras.CopyError
	if errors.As(err, &copyErr) {
		err = copyErr.Err // names the object already
	}
	var answer *errcode.ErrorResponse
	if desc.MediaType == manifest.MediaTypeArtifact && errors.As(err, &answer) && answer.StatusCode/100 == 4 {
		return &artifact.Error{Op: "copying", Item: desc.Digest.String(), Err: err,
			Hint: "it is an OCI artifact manifest, a type that few registries accept since it was dropped in 2023: pull its files, and attach them again"}
	}
	return err
}

// copyReferrers copies the referrers of a manifest and of the manifests inside it, the referrers of those, and so on. It also
// copies the manifests that cosign keeps under tags for the root and the manifests inside it. It adds the copies, and the referrers
// that the source lists but does not have, to the root.
func (c *copier) copyReferrers(ctx context.Context, root *Copied) error {
	type node struct {
		ocispec.Descriptor
		own bool // the root, or inside it
	}
	seen := map[digest.Digest]bool{root.Descriptor.Digest: true}
	queue := []node{{root.Descriptor, true}}
	for ; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		inner, found, err := c.listNeighbors(ctx, n.Descriptor)
		if err != nil {
			return err
		}
		for _, desc := range inner {
			if !seen[desc.Digest] {
				seen[desc.Digest] = true
				queue = append(queue, node{desc, n.own})
			}
		}
		for _, desc := range found {
			if seen[desc.Digest] {
				continue
			}
			seen[desc.Digest] = true
			err := c.copy(ctx, desc)
			if errors.Is(err, errdef.ErrNotFound) {
				if there, existsErr := c.src.Exists(ctx, desc); existsErr == nil && !there {
					root.Gone = append(root.Gone, desc)
					continue
				}
			}
			if err != nil {
				return err
			}
			root.Referrers, queue = append(root.Referrers, desc), append(queue, node{desc, false})
		}
		if n.own {
			if err := c.copyCosignManifests(ctx, n.Descriptor, root); err != nil {
				return err
			}
		}
		if len(seen) > maxCopied {
			return artifact.Refused(root.Descriptor.Digest.String(), "too many referrers: limit is %d", maxCopied)
		}
	}
	return nil
}

// listNeighbors returns the manifests inside desc, if it is an index, and its referrers.
func (c *copier) listNeighbors(ctx context.Context, desc ocispec.Descriptor) (inner, referrers []ocispec.Descriptor, err error) {
	successors, err := manifest.Successors(ctx, lazySource{c.src}, desc)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range successors {
		if manifest.Is(s.MediaType) {
			inner = append(inner, s)
		}
	}
	referrers, err = fetch.ListReferrers(ctx, c.src, desc, "")
	return inner, referrers, err
}

// copyCosignManifests copies the manifests that cosign keeps for a manifest under tags, with these tags. It adds them to the root.
func (c *copier) copyCosignManifests(ctx context.Context, subject ocispec.Descriptor, root *Copied) error {
	found, err := fetch.CosignManifests(ctx, c.src, subject)
	if err != nil {
		return err
	}
	for _, one := range found {
		m, err := fetch.Load(ctx, c.src, one.Desc)
		if err != nil {
			return err
		}
		one.Desc.ArtifactType, one.Desc.Annotations = m.Traits().Type(), m.Annotations
		if err := c.copy(ctx, one.Desc); err != nil {
			return err
		}
		if _, err := c.tag(ctx, &Copied{Descriptor: one.Desc, Tags: []string{one.Tag}}, ""); err != nil {
			return err
		}
		root.Referrers, root.Kinds[one.Desc.Digest] = append(root.Referrers, one.Desc), m.Kind().Name
	}
	return nil
}
