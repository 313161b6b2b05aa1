package referrers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// AttachedOptions select one of a subject's referrers.
type AttachedOptions struct {
	Kind   string // the name of a kind, or an artifactType
	Alert  string // of runbooks, one that answers this alert
	Latest bool   // of several, the one created last
}

// Attached returns the one referrer of a subject that matches, using only the listing. The error is a *NoneAttachedError
// if none matches and a *SeveralAttachedError if several do.
func Attached(ctx context.Context, src oras.ReadOnlyGraphTarget, subject ocispec.Descriptor, opts AttachedOptions) (*Referrer, error) {
	all, err := List(ctx, src, subject, Options{Kind: opts.Kind})
	if err != nil {
		return nil, err
	}
	fit := slices.Clone(all)
	if opts.Alert != "" {
		fit = slices.DeleteFunc(fit, func(r *Referrer) bool { return !slices.Contains(r.Alerts(), opts.Alert) })
	}
	if itself := slices.DeleteFunc(slices.Clone(fit), func(r *Referrer) bool { return r.Kind != opts.Kind }); len(itself) > 0 {
		fit = itself // rather than a statement that has one
	}
	switch {
	case len(fit) == 0:
		return nil, &NoneAttachedError{Subject: subject.Digest, Options: opts, Others: all}
	case len(fit) == 1:
		return fit[0], nil
	}
	last, before := fit[len(fit)-1], fit[len(fit)-2] // sorted by creation time
	if opts.Latest && last.Created().After(before.Created()) {
		return last, nil
	}
	return nil, &SeveralAttachedError{Subject: subject.Digest, Options: opts, Referrers: fit}
}

// Alerts returns the alerts that a runbook answers.
func (r *Referrer) Alerts() []string {
	var alerts []string
	for alert := range strings.SplitSeq(r.Annotations[mediatypes.RunbookAlerts], ",") {
		if alert = strings.TrimSpace(alert); alert != "" {
			alerts = append(alerts, alert)
		}
	}
	return alerts
}

// NoneAttachedError reports that no referrer matches.
type NoneAttachedError struct {
	Subject digest.Digest
	Options AttachedOptions
	Others  []*Referrer // of the kind, but for other alerts
}

func (e *NoneAttachedError) Error() string {
	what := e.Options.Kind
	if e.Options.Alert != "" {
		what += fmt.Sprintf(" for the alert %q", e.Options.Alert)
	}
	return fmt.Sprintf("no %s is attached to %s", what, e.Subject)
}

func (e *NoneAttachedError) Unwrap() error { return errdef.ErrNotFound }

// SeveralAttachedError reports that several referrers match.
type SeveralAttachedError struct {
	Subject   digest.Digest
	Options   AttachedOptions
	Referrers []*Referrer // oldest first
}

func (e *SeveralAttachedError) Error() string {
	if e.Options.Latest {
		return fmt.Sprintf("%d are attached to %s, and none says that it is the latest", len(e.Referrers), e.Subject)
	}
	return fmt.Sprintf("%d are attached to %s", len(e.Referrers), e.Subject)
}

// Limits of Elsewhere, which only runs to explain why something is missing.
const (
	maxElsewhereTags      = 32
	maxElsewherePlatforms = 16
)

// Place is another place where something is attached.
type Place struct {
	Digest   digest.Digest
	Tag      string            // of an index that lists the subject
	Platform *ocispec.Platform // of a manifest that the subject lists; with Tag, the index has a statement about this one
}

// Elsewhere explains why an expected attachment of subject is missing: an index and the manifests of its platforms are
// different subjects, and one may have what the other lacks. It returns the first of them that has it, or nil if none
// does. It searches for an index behind a few of the source's tags.
func Elsewhere(ctx context.Context, src oras.ReadOnlyGraphTarget, subject digest.Digest, opts AttachedOptions) (*Place, error) {
	m, err := fetch.Resolve(ctx, src, subject.String())
	if err != nil {
		return nil, err
	}
	if !m.IsIndex() {
		return indexWith(ctx, src, m, opts)
	}
	entries := oci.Runnable(m.Manifests)
	for _, e := range entries[:min(len(entries), maxElsewherePlatforms)] {
		if has, err := hasAttached(ctx, src, e, opts); has || err != nil {
			return &Place{Digest: e.Digest, Platform: e.Platform}, err
		}
	}
	return nil, nil
}

// indexWith searches the tags of the source for an index that lists the manifest.
func indexWith(ctx context.Context, src oras.ReadOnlyGraphTarget, m *fetch.Manifest, opts AttachedOptions) (*Place, error) {
	lister, ok := src.(registry.TagLister)
	if !ok {
		return nil, nil
	}
	tags := fetch.SomeTags(ctx, lister)
	for _, tag := range tags[:min(len(tags), maxElsewhereTags)] {
		index, err := fetch.Resolve(ctx, src, tag)
		if err != nil || !index.IsIndex() {
			continue // another artifact, or a tag that was deleted meanwhile
		}
		i := slices.IndexFunc(index.Manifests, func(e ocispec.Descriptor) bool { return e.Digest == m.Desc.Digest })
		if i < 0 {
			continue
		}
		if p := index.Manifests[i].Platform; p != nil && opts.Alert == "" {
			if found, err := statementAbout(ctx, src, index, m.Desc.Digest, opts.Kind); found != nil || err != nil {
				return &Place{Digest: index.Desc.Digest, Tag: tag, Platform: p}, err
			}
		}
		if has, err := hasAttached(ctx, src, index.Desc, opts); has || err != nil {
			return &Place{Digest: index.Desc.Digest, Tag: tag}, err
		}
	}
	return nil, nil
}

// hasAttached reports whether at least one referrer of a subject matches.
func hasAttached(ctx context.Context, src oras.ReadOnlyGraphTarget, subject ocispec.Descriptor, opts AttachedOptions) (bool, error) {
	_, err := Attached(ctx, src, subject, opts)
	var none *NoneAttachedError
	var several *SeveralAttachedError
	switch {
	case errors.As(err, &none):
		return false, nil
	case errors.As(err, &several):
		return true, nil
	}
	return err == nil, err
}
