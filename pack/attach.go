package pack

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/pack/internal/attached"
	"github.com/davit-oci/davit/pack/internal/node"
	"github.com/davit-oci/davit/pack/prune"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// AttachOptions configure how an artifact is attached. The zero value keeps existing attachments.
type AttachOptions struct {
	Options
	// Replace removes the other referrers of the same type and name, and for attestations of the same predicate, once the new
	// one is stored. A referrer without a name is treated as having the name that Attach would choose.
	Replace bool
	// ReplaceTime makes Replace also remove a referrer with the same content and another creation time, or none. Without Replace, Attach
	// then removes only referrers with the same content that have no creation time, if the plan has one.
	ReplaceTime bool
	// EachPlatform attaches to every manifest of an index instead of the index itself.
	EachPlatform bool
	// KeepReplaced keeps the referrers that Replace would remove, and lists them in Attached.Replaced. A caller that attaches
	// several artifacts can remove them afterwards, so that no new one is removed.
	KeepReplaced bool
	// DryRun sends and removes nothing.
	DryRun bool
}

// Attached is the result of attaching an artifact to one subject.
type Attached struct {
	*Result
	Name     string     `json:"name,omitempty"`     // its title
	Replaced []Replaced `json:"replaced,omitempty"` // referrers that were removed, or would be
	Kept     []Replaced `json:"kept,omitempty"`     // referrers that are still attached, because the registry refuses to delete them
	DryRun   bool       `json:"dryRun,omitempty"`

	Platform *ocispec.Platform `json:"platform,omitempty"` // of the subject, if it was chosen from an index
	// Beside are the listed referrers of the same type, name, and predicate that Replace would have removed.
	Beside []digest.Digest `json:"beside,omitempty"`
	// Others are the referrers of the same type and predicate that Replace keeps, because they have other names.
	Others []Replaced `json:"-"`
}

// Replaced is a referrer that a new one replaced.
type Replaced struct {
	Digest       digest.Digest `json:"digest"`
	MediaType    string        `json:"mediaType"`
	ArtifactType string        `json:"artifactType"`
	Kind         string        `json:"kind"`
	Name         string        `json:"name,omitempty"`
	Size         int64         `json:"size"` // of the manifest
}

// Attach packs the plan and pushes it as a referrer of subject, without a tag. It returns one result for each subject. If the
// same artifact, apart from its creation time, is attached already, it is not attached again. The result has Skipped set if
// nothing was sent or removed.
//
// If Replace is set, Attach fails with errdef.ErrUnsupported for a target that can't delete. If the registry refuses to delete, the
// error is a *prune.StillAttachedError, and the results are complete. If EachPlatform is set, an index without manifests is an
// artifact.ErrRefused. Other errors are those of Push.
func Attach(ctx context.Context, fsys fs.FS, plan *artifact.Plan, to Attachment, opts AttachOptions) ([]*Attached, error) {
	if opts.Replace && !opts.DryRun {
		if _, ok := to.Target.(content.Deleter); !ok {
			return nil, fmt.Errorf("replacing referrers: %w: the target can't delete", errdef.ErrUnsupported)
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
	results := make([]*Attached, len(subjects))
	var still prune.StillAttachedError
	for i, subject := range subjects {
		results[i], err = p.attach(ctx, root, Attachment{to.Target, subject}, opts)
		if !still.Join(err) {
			return nil, &artifact.Error{Op: "attaching to", Item: subjects[i].Digest.String(), Err: err}
		}
	}
	return results, still.OrNil()
}

// Attachment names the manifest to attach to, and its target.
type Attachment struct {
	Target  oras.GraphTarget
	Subject ocispec.Descriptor
}

// attach composes a measured node for a subject, and sends the blobs and manifests that the target lacks. It returns a result together
// with an error only if the error is a *prune.StillAttachedError.
func (p *pusher) attach(ctx context.Context, root *node.Node, to Attachment, opts AttachOptions) (*Attached, error) {
	if err := root.Compose(&to.Subject); err != nil {
		return nil, err
	}
	_, canDelete := to.Target.(content.Deleter)
	ours := attached.Candidate{Desc: root.Manifest.Desc, Manifest: root.Manifest.Bytes, Defaults: root.Attached,
		Replace: opts.Replace, SetTime: opts.ReplaceTime && (canDelete || opts.DryRun)}
	listed, err := fetch.ListReferrers(ctx, to.Target, to.Subject, ours.Desc.ArtifactType)
	if err != nil && (opts.Replace || !fetch.IsDenied(err)) {
		return nil, err
	}
	r := &Attached{Result: newResult(root), DryRun: opts.DryRun, Platform: to.Subject.Platform}
	r.Name = r.Annotations[ocispec.AnnotationTitle]
	found, err := ours.Compare(ctx, to.Target, listed)
	if err != nil {
		return nil, err
	}
	if same := found.Same; same != nil {
		r.Digest, r.Size, r.Annotations = same.Digest, same.Size, same.Annotations
	}
	r.Skipped, r.Beside = found.Same != nil, found.Beside
	r.Replaced, r.Others = describeAll(found.Replaced), describeAll(found.Others)
	if opts.DryRun {
		return r, nil
	}
	if r.Skipped, err = p.sendReferrer(ctx, root, found.Same != nil); err != nil {
		return nil, err
	}
	if len(r.Replaced) == 0 || opts.KeepReplaced {
		return r, nil
	}
	r.Skipped = false
	_, err = prune.Referrers(ctx, to.Target, to.Subject, found.Replaced)
	var still prune.StillAttachedError
	if !still.Join(err) {
		return nil, err
	}
	r.Kept, r.Replaced = lists.Split(r.Replaced, func(old Replaced) bool { return still.Has(old.Digest) })
	return r, err
}

// describeAll returns listed referrers with their kinds and names.
func describeAll(listed []ocispec.Descriptor) (all []Replaced) {
	for _, d := range listed {
		kind, _ := kinds.KindOfEntry(d)
		all = append(all, Replaced{d.Digest, d.MediaType, d.ArtifactType, kind.Name, d.Annotations[ocispec.AnnotationTitle], d.Size})
	}
	return all
}

// sendReferrer sends the missing blobs and the manifest. A listed referrer can only lack blobs. It reports whether everything existed
// already.
func (p *pusher) sendReferrer(ctx context.Context, root *node.Node, listed bool) (skipped bool, err error) {
	if listed {
		if ok, err := p.hasAllBlobs(ctx, root); err != nil || ok {
			return ok, err
		}
	}
	if err := p.pushBlobs(ctx, slices.Concat(node.Layers(root), node.Configs(root))); err != nil || listed {
		return false, err
	}
	return false, p.pushManifests(ctx, root, nil)
}

// Platforms returns the manifests of an index, without the attestations that BuildKit adds. For a manifest, it returns the manifest
// itself. An index without manifests is an artifact.ErrRefused.
func Platforms(ctx context.Context, src content.Fetcher, index ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	manifests, err := listManifests(ctx, src, index)
	if err != nil {
		return nil, err
	}
	manifests = lists.Delete(manifests, manifest.IsAttestation)
	if len(manifests) == 0 {
		return nil, artifact.Refused(index.Digest.String(), "the index has no manifest to attach to")
	}
	return manifests, nil
}

// listManifests returns the manifests that an index lists. For a manifest, it returns the manifest itself.
func listManifests(ctx context.Context, src content.Fetcher, index ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if !manifest.IsIndex(index.MediaType) {
		return []ocispec.Descriptor{index}, nil
	}
	var idx ocispec.Index
	if err := manifest.FetchJSON(ctx, src, index, &idx); err != nil {
		return nil, &artifact.Error{Op: "reading index", Item: index.Digest.String(), Err: err}
	}
	return idx.Manifests, nil
}
