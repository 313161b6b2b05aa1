package pack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/node"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// AttachOptions configure how an artifact is attached. The zero value keeps existing attachments.
type AttachOptions struct {
	Options
	// Replace removes the other referrers of the same type, kind, and title once the new one is stored. Of attestations,
	// it removes those with the same predicate.
	Replace bool
	// EachPlatform attaches to every manifest of an index instead of the index itself.
	EachPlatform bool
}

// Attach packs the plan and pushes it as a referrer of subject, without a tag. It returns one result for each subject.
// If the same artifact is attached already, created at whatever time, it is not attached again and its result has
// Skipped set. If Replace is set and dst can't delete, the error is errdef.ErrUnsupported; an index without manifests
// for a platform is an artifact.ErrRefused.
func Attach(ctx context.Context, fsys fs.FS, plan *artifact.Plan, to Attachment, opts AttachOptions) ([]*Result, error) {
	if opts.Replace {
		if _, ok := to.Target.(content.Deleter); !ok {
			return nil, fmt.Errorf("replacing referrers: %w: the target deletes nothing", errdef.ErrUnsupported)
		}
	}
	subjects := []ocispec.Descriptor{to.Subject}
	if opts.EachPlatform {
		var err error
		if subjects, err = Platforms(ctx, to.Target, to.Subject); err != nil {
			return nil, err
		}
	}
	packer := opts.newPacker(fsys)
	defer packer.Pool.Trees.Save()
	root, err := node.New(ctx, packer, plan, opts.base())
	if err != nil {
		return nil, err
	}
	if err := packer.Measure(ctx, root.AllBlobs()); err != nil {
		return nil, err
	}
	p := &pusher{dst: to.Target, opts: opts.Options, packer: packer}
	results := make([]*Result, len(subjects))
	for i, subject := range subjects {
		if results[i], err = p.attach(ctx, root, Attachment{to.Target, subject}, opts.Replace); err != nil {
			return nil, &artifact.Error{Op: "attaching to", Item: subjects[i].Digest.String(), Err: err}
		}
	}
	return results, nil
}

// Attachment names the manifest that something is attached to, and its location.
type Attachment struct {
	Target  oras.GraphTarget
	Subject ocispec.Descriptor
}

// attach composes a measured node for a subject and sends what the target lacks.
func (p *pusher) attach(ctx context.Context, root *node.Node, to Attachment, replace bool) (*Result, error) {
	if err := root.Compose(&to.Subject); err != nil {
		return nil, err
	}
	same, others, gone, err := attached(ctx, to.Target, root)
	if err != nil && (replace || !fetch.IsDenied(err)) {
		return nil, err
	}
	r := newResult(root)
	if same != nil {
		r.Digest, r.Size = same.Digest, same.Size
	}
	if r.Skipped, err = p.sendReferrer(ctx, root, same != nil); err != nil {
		return nil, err
	}
	if replace && len(others) > 0 {
		r.Skipped = false
		gone = append(gone, others...)
	}
	for _, old := range gone {
		if err := remove(ctx, to, old); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// sendReferrer sends the missing blobs and the manifest; a listed referrer lacks at most blobs. It reports whether
// everything existed already.
func (p *pusher) sendReferrer(ctx context.Context, root *node.Node, listed bool) (skipped bool, err error) {
	if listed {
		if ok, err := p.blobsThere(ctx, root); err != nil || ok {
			return ok, err
		}
	}
	if err := p.pushBlobs(ctx, slices.Concat(node.Layers(root), node.Configs(root))); err != nil || listed {
		return false, err
	}
	return false, p.pushManifests(ctx, root, nil)
}

// attached searches the subject's referrers for the same artifact, for others that it replaces, and for those that are only
// listed: another client deleted the manifest, and left the list of a registry without a referrers API as it was.
func attached(ctx context.Context, dst oras.GraphTarget, root *node.Node) (same *ocispec.Descriptor, others, gone []ocispec.Descriptor, err error) {
	ours := root.Manifest
	referrers, err := fetch.ListReferrers(ctx, dst, *root.Subject, ours.Desc.ArtifactType)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, r := range referrers {
		if r.Digest == ours.Desc.Digest {
			ok, err := dst.Exists(ctx, r)
			if err != nil {
				return nil, nil, nil, err
			}
			if ok {
				same = &r
			}
			continue
		}
		theirs, err := manifest.Fetch(ctx, dst, r)
		if errors.Is(err, errdef.ErrNotFound) {
			gone = append(gone, r)
			continue
		}
		if err != nil {
			return nil, nil, nil, err
		}
		switch {
		case same == nil && sameContent(ours.Bytes, theirs):
			same = &r
		case roleOf(ours.Bytes) == roleOf(theirs):
			others = append(others, r)
		}
	}
	return same, others, gone, nil
}

// sameContent compares two manifests, ignoring their creation times.
func sameContent(a, b []byte) bool { return reflect.DeepEqual(timeless(a), timeless(b)) }

func timeless(manifest []byte) map[string]any {
	var m map[string]any
	if json.Unmarshal(manifest, &m) != nil {
		return nil
	}
	if all, ok := m["annotations"].(map[string]any); ok {
		all = maps.Clone(all)
		delete(all, ocispec.AnnotationCreated)
		m["annotations"] = all
		if len(all) == 0 {
			delete(m, "annotations")
		}
	}
	return m
}

// referrerRole is the role of a referrer for its subject: a newer one of the same role replaces it.
type referrerRole struct{ kind, title, predicate string }

// roleOf reads the role from a manifest. Signatures and attestations of cosign differ in nothing else.
func roleOf(manifest []byte) referrerRole {
	var m ocispec.Manifest
	if json.Unmarshal(manifest, &m) != nil {
		return referrerRole{}
	}
	kind, _ := kinds.KindOf(m)
	return referrerRole{kind.Name, m.Annotations[ocispec.AnnotationTitle],
		cmp.Or(m.Annotations[mediatypes.PredicateType], m.Annotations[mediatypes.BundlePredicateType])}
}

// Platforms returns the manifests of an index that run on a platform. It leaves out attestations that BuildKit adds.
func Platforms(ctx context.Context, src content.Fetcher, index ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	manifests, err := listed(ctx, src, index)
	if err != nil {
		return nil, err
	}
	manifests = slices.DeleteFunc(manifests, manifest.IsAttestation)
	if len(manifests) == 0 {
		return nil, artifact.Refused(index.Digest.String(), "the index has no manifest to attach to")
	}
	return manifests, nil
}

// listed returns the manifests that an index lists; a manifest lists itself.
func listed(ctx context.Context, src content.Fetcher, index ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if !manifest.IsIndex(index.MediaType) {
		return []ocispec.Descriptor{index}, nil
	}
	var idx ocispec.Index
	if err := manifest.FetchJSON(ctx, src, index, &idx); err != nil {
		return nil, &artifact.Error{Op: "reading index", Item: index.Digest.String(), Err: err}
	}
	return idx.Manifests, nil
}

// DetachOptions choose which referrers are removed. The zero value chooses none. If Digests and Kind are both given, a
// referrer must match both.
type DetachOptions struct {
	Digests []digest.Digest // these; every one must be a referrer of the subject
	Kind    string          // those of a kind, by its name, or of an artifactType
	All     bool            // all of them; needed if nothing else is given, ignored otherwise
}

// Detach removes referrers of subject and returns their descriptors. Options that choose nothing are an
// artifact.ErrInvalid; a digest that is not a referrer, or no referrer that matches, is an errdef.ErrNotFound; a target
// that can't delete is an errdef.ErrUnsupported.
func Detach(ctx context.Context, dst oras.GraphTarget, subject ocispec.Descriptor, opts DetachOptions) (
	[]ocispec.Descriptor, error) {
	if len(opts.Digests) == 0 && opts.Kind == "" && !opts.All {
		return nil, &artifact.Error{Op: "detaching from", Item: subject.Digest.String(),
			Err: fmt.Errorf("%w: neither digests nor a kind nor all are chosen", artifact.ErrInvalid)}
	}
	referrers, err := fetch.ListReferrers(ctx, dst, subject, "")
	if err != nil {
		return nil, err
	}
	for _, d := range opts.Digests {
		if !slices.ContainsFunc(referrers, func(r ocispec.Descriptor) bool { return r.Digest == d }) {
			return nil, fmt.Errorf("%s is no referrer of %s: %w", d, subject.Digest, errdef.ErrNotFound)
		}
	}
	var chosen []ocispec.Descriptor
	for _, r := range referrers {
		if len(opts.Digests) > 0 && !slices.Contains(opts.Digests, r.Digest) {
			continue
		}
		full, err := told(ctx, dst, r)
		if err != nil && opts.Kind != "" {
			return nil, err
		}
		if opts.Kind == "" || isKind(full, opts.Kind) {
			chosen = append(chosen, full)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("referrers of %s: %w", subject.Digest, errdef.ErrNotFound)
	}
	for _, r := range chosen {
		if err := remove(ctx, Attachment{dst, subject}, r); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

// told completes the listing of a referrer from its manifest, if the listing shows no kind.
func told(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) (ocispec.Descriptor, error) {
	traits := mediatypes.Traits{ArtifactType: desc.ArtifactType, Annotations: desc.Annotations}
	if !traits.Vague() {
		return desc, nil
	}
	var m ocispec.Manifest
	switch err := manifest.FetchJSON(ctx, src, desc, &m); {
	case errors.Is(err, errdef.ErrNotFound): // only the listing still has it
		return desc, nil
	case err != nil:
		return desc, &artifact.Error{Op: "reading referrer", Item: desc.Digest.String(), Err: err}
	}
	desc.ArtifactType, desc.Annotations = cmp.Or(m.ArtifactType, m.Config.MediaType), m.Annotations
	return desc, nil
}

// isKind reports whether a referrer has the requested kind or type.
func isKind(desc ocispec.Descriptor, kind string) bool {
	k, ok := kinds.KindOfEntry(desc)
	return desc.ArtifactType == kind || ok && k.Name == kind
}

// Detacher is a target that removes a manifest from the referrers of a subject, whether or not the manifest still exists.
type Detacher interface {
	Detach(ctx context.Context, subject, referrer ocispec.Descriptor) error
}

// remove deletes a referrer that may already be gone.
func remove(ctx context.Context, from Attachment, desc ocispec.Descriptor) (err error) {
	if detacher, ok := from.Target.(Detacher); ok {
		err = detacher.Detach(ctx, from.Subject, desc)
	} else if deleter, ok := from.Target.(content.Deleter); ok {
		err = deleter.Delete(ctx, desc)
	} else {
		return fmt.Errorf("removing %s: %w: the target deletes nothing", desc.Digest, errdef.ErrUnsupported)
	}
	if err != nil && !errors.Is(err, errdef.ErrNotFound) {
		return &artifact.Error{Op: "removing", Item: desc.Digest.String(), Err: err}
	}
	return nil
}
