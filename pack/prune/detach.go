// Package prune removes attachments, and the manifests of a repository that no kept tag needs.
package prune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// Selection chooses referrers. The zero value is an error in Choose and Detach. A referrer is chosen if it meets every
// condition that is set.
type Selection struct {
	Digests []digest.Digest // referrers with these digests; every one must be a referrer of the subject
	Kind    string          // referrers of these kinds or artifactTypes, separated by commas
	All     bool            // all referrers; needed if nothing else is set, ignored otherwise
	// Keep is the number of newest referrers of each type, name, and predicate that are not chosen. Referrers without a time
	// are treated as the oldest; see Choice.Undecided. If Keep is nil, the number is 0.
	Keep *int
	// OlderThan chooses referrers created before this time. Referrers without a time are never chosen. The zero time means any age.
	OlderThan time.Time
	// AnySubject is set if the Digests may be those of referrers of several subjects. Then only one of them must be a referrer of the subject.
	AnySubject bool
}

// IsEmpty reports whether the selection chooses nothing.
func (s Selection) IsEmpty() bool {
	return len(s.Digests) == 0 && s.Kind == "" && !s.All && s.Keep == nil && s.OlderThan.IsZero()
}

// Choice is the result of Choose.
type Choice struct {
	Referrers []ocispec.Descriptor // in the order of the listing
	// Undecided are groups of referrers of the same type, name, and predicate. Selection.Keep keeps only some of each group,
	// but lacks the times to determine the newest. They are not chosen.
	Undecided [][]ocispec.Descriptor
	Kept      []ocispec.Descriptor // the newest of each group, which Selection.Keep keeps
	Young     []ocispec.Descriptor // others that Selection.OlderThan keeps: they are younger, or have no time
	// Missing are the Selection.Digests that are not those of referrers of the subject. It can only have some with AnySubject.
	Missing []digest.Digest
}

// Detach removes referrers of subject, with their Own referrers, and returns the descriptors of the former. Its errors are those of Choose and Referrers.
func Detach(ctx context.Context, dst oras.GraphTarget, subject ocispec.Descriptor, selection Selection) ([]ocispec.Descriptor, error) {
	chosen, err := Choose(ctx, dst, subject, selection)
	if err != nil {
		return nil, err
	}
	_, err = Referrers(ctx, dst, subject, chosen.Referrers)
	return chosen.Referrers, err
}

// Choose returns the referrers of subject that a selection chooses. It fails with artifact.ErrInvalid if the selection is empty, with
// errdef.ErrNotFound if no referrer matches or a digest is not that of a referrer, and with artifact.ErrRefused if there are
// more than 10,000 referrers. If no referrer matches, the choice has those that Selection.Keep and Selection.OlderThan keep.
func Choose(ctx context.Context, src oras.ReadOnlyGraphTarget, subject ocispec.Descriptor, selection Selection) (*Choice, error) {
	if selection.IsEmpty() {
		return nil, &artifact.Error{Op: "detaching from", Item: subject.Digest.String(),
			Err: fmt.Errorf("%w: the selection is empty", artifact.ErrInvalid)}
	}
	referrers, err := fetch.ListReferrers(ctx, src, subject, "")
	if err != nil {
		return nil, err
	}
	missing := lists.Delete(slices.Clone(selection.Digests), func(d digest.Digest) bool {
		return slices.ContainsFunc(referrers, func(r ocispec.Descriptor) bool { return r.Digest == d })
	})
	if len(missing) > 0 && (!selection.AnySubject || len(missing) == len(selection.Digests)) {
		return nil, fmt.Errorf("%s is not a referrer of %s: %w", missing[0], subject.Digest, errdef.ErrNotFound)
	}
	var chosen []ocispec.Descriptor
	for _, r := range referrers {
		if len(selection.Digests) > 0 && !slices.Contains(selection.Digests, r.Digest) {
			continue
		}
		full, err := selection.completeEntry(ctx, src, r)
		if err != nil && selection.Kind != "" {
			return nil, err
		}
		if selection.Kind == "" || isKind(full, selection.Kind) {
			chosen = append(chosen, full)
		}
	}
	choice := selection.filterByAge(chosen)
	choice.Missing = missing
	if len(choice.Referrers)+len(choice.Undecided) == 0 {
		return choice, fmt.Errorf("referrers of %s: %w", subject.Digest, errdef.ErrNotFound)
	}
	return choice, nil
}

// completeEntry adds the type and annotations in the manifest to a listed referrer, if it lacks fields that the selection needs.
func (s Selection) completeEntry(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) (ocispec.Descriptor, error) {
	needsManifest := mediatypes.Traits{ArtifactType: desc.ArtifactType, Annotations: desc.Annotations}.NeedsManifest()
	needsTime := (s.Keep != nil || !s.OlderThan.IsZero()) && len(desc.Annotations) == 0
	if !needsManifest && !needsTime {
		return desc, nil
	}
	var m ocispec.Manifest
	switch err := manifest.FetchJSON(ctx, src, desc, &m); {
	case errors.Is(err, errdef.ErrNotFound): // only the listing still has the referrer
		return desc, nil
	case err != nil:
		return desc, &artifact.Error{Op: "reading referrer", Item: desc.Digest.String(), Err: err}
	}
	desc.ArtifactType, desc.Annotations = cmp.Or(m.ArtifactType, m.Config.MediaType), m.Annotations
	return desc, nil
}

// filterByAge returns the referrers that are old enough, and not among the newest of their type, name, and predicate.
func (s Selection) filterByAge(all []ocispec.Descriptor) *Choice {
	type series struct{ artifactType, name, predicate string }
	var order []series
	members := map[series][]ocispec.Descriptor{}
	for _, r := range all {
		of := series{r.ArtifactType, r.Annotations[ocispec.AnnotationTitle],
			cmp.Or(r.Annotations[mediatypes.PredicateType], r.Annotations[mediatypes.BundlePredicateType])}
		if members[of] == nil {
			order = append(order, of)
		}
		members[of] = append(members[of], r)
	}
	choice := &Choice{}
	isKept := map[digest.Digest]bool{}
	for _, of := range order {
		if s.Keep == nil {
			break
		}
		newest, undecided := manifest.Newest(members[of], *s.Keep, createdAt)
		choice.Kept = append(choice.Kept, newest...)
		for _, r := range append(newest, undecided...) {
			isKept[r.Digest] = true
		}
		if undecided = lists.Delete(undecided, s.isYoung); len(undecided) > 0 {
			choice.Undecided = append(choice.Undecided, undecided)
		}
	}
	others := lists.Delete(all, func(r ocispec.Descriptor) bool { return isKept[r.Digest] })
	choice.Young, choice.Referrers = lists.Split(others, s.isYoung)
	return choice
}

// isYoung reports whether a referrer is too young to be chosen, or has no time.
func (s Selection) isYoung(r ocispec.Descriptor) bool {
	created := createdAt(r)
	return !s.OlderThan.IsZero() && (created.IsZero() || !created.Before(s.OlderThan))
}

// createdAt returns the creation time in the annotations of a descriptor, or the zero time.
func createdAt(desc ocispec.Descriptor) time.Time { return manifest.Created(desc.Annotations) }

// isKind reports whether a referrer has one of the wanted kinds or artifactTypes, which are separated by commas.
func isKind(desc ocispec.Descriptor, wanted string) bool {
	k, ok := kinds.KindOfEntry(desc)
	return kinds.AnyOf(wanted, func(kind string) bool { return desc.ArtifactType == kind || ok && k.Name == kind })
}

// Detacher is a target that removes a manifest from the referrers of a subject, whether or not the manifest still exists.
type Detacher interface {
	// Detach fails with errdef.ErrUnsupported if the registry refuses to delete.
	Detach(ctx context.Context, subject, referrer ocispec.Descriptor) error
}

// StillAttachedError reports referrers that are still attached, since the registry refuses to delete them.
type StillAttachedError struct {
	Referrers []ocispec.Descriptor
	Err       error // of the first
}

// Error returns the number of referrers, and the error of the first.
func (e *StillAttachedError) Error() string {
	if n := len(e.Referrers); n > 1 {
		return fmt.Sprintf("%d referrers are still attached: %v", n, e.Err)
	}
	return fmt.Sprintf("1 referrer is still attached: %v", e.Err)
}

// Unwrap returns the error of the first referrer, which wraps errdef.ErrUnsupported.
func (e *StillAttachedError) Unwrap() error { return e.Err }

// Has reports whether one of the referrers has the digest d.
func (e *StillAttachedError) Has(d digest.Digest) bool {
	return slices.ContainsFunc(e.Referrers, func(r ocispec.Descriptor) bool { return r.Digest == d })
}

// Join adds the referrers of err if that is a *StillAttachedError. It returns true if err is nil, and false for any other error.
func (e *StillAttachedError) Join(err error) bool {
	var other *StillAttachedError
	if !errors.As(err, &other) {
		return err == nil
	}
	e.Referrers = append(e.Referrers, other.Referrers...)
	if e.Err == nil {
		e.Err = other.Err
	}
	return true
}

// OrNil returns the error, or nil if every referrer was removed.
func (e *StillAttachedError) OrNil() error {
	if len(e.Referrers) == 0 {
		return nil
	}
	return e
}

// Referrers removes referrers of a subject, and their Own referrers, which it returns. It ignores those that no longer exist. It fails with
// errdef.ErrUnsupported if the target can't delete, and with a *StillAttachedError if the registry refuses to delete some of them, which
// then stay attached.
func Referrers(ctx context.Context, dst oras.GraphTarget, subject ocispec.Descriptor, all []ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	detacher, ok := dst.(Detacher)
	var own []ocispec.Descriptor
	var still StillAttachedError
	for _, desc := range all {
		below, err := Own(ctx, dst, desc)
		if err != nil {
			return own, err
		}
		one := []ocispec.Descriptor{desc}
		if !ok {
			err = Remove(ctx, dst, one)
		} else if err = detacher.Detach(ctx, subject, desc); errors.Is(err, errdef.ErrUnsupported) {
			still.Join(&StillAttachedError{one, err})
			continue
		} else if errors.Is(err, errdef.ErrNotFound) {
			err = nil
		} else if err != nil {
			err = &artifact.Error{Op: "removing", Item: desc.Digest.String(), Err: err}
		}
		stays := false
		if ok && err == nil && len(below) > 0 { // a registry that refuses deletion may only have unlisted it
			stays, err = dst.Exists(ctx, desc)
		}
		if err == nil && !stays && len(below) > 0 {
			err = removeOwn(ctx, dst, desc, below)
			own = append(own, below...)
		}
		if err != nil {
			return own, err
		}
	}
	return own, still.OrNil()
}

// Remove deletes manifests. It ignores those that no longer exist. It fails with errdef.ErrUnsupported if the target can't delete.
func Remove(ctx context.Context, dst oras.Target, all []ocispec.Descriptor) error {
	deleter, ok := dst.(content.Deleter)
	if !ok {
		return fmt.Errorf("removing manifests: %w: the target can't delete", errdef.ErrUnsupported)
	}
	for _, desc := range all {
		if err := deleter.Delete(ctx, desc); err != nil && !errors.Is(err, errdef.ErrNotFound) {
			return &artifact.Error{Op: "removing", Item: desc.Digest.String(), Err: err}
		}
	}
	return nil
}
