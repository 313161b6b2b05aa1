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

// AttachedOptions say which one of a subject's referrers is meant.
type AttachedOptions struct {
	Kind   string // the name of a kind, or an artifactType
	Alert  string // of runbooks, one that answers this alert
	Latest bool   // of several, the one that was made last
}

// Attached finds the one referrer of a subject that is meant, with no more than the listing. A *NoneAttachedError says
// that none exists, a *SeveralAttachedError that there are several.
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
	last, before := fit[len(fit)-1], fit[len(fit)-2] // they come in the order of their times
	if opts.Latest && last.Created().After(before.Created()) {
		return last, nil
	}
	return nil, &SeveralAttachedError{Subject: subject.Digest, Options: opts, Referrers: fit}
}

// Alerts are those that a runbook answers.
func (r *Referrer) Alerts() []string {
	var alerts []string
	for alert := range strings.SplitSeq(r.Annotations[mediatypes.RunbookAlerts], ",") {
		if alert = strings.TrimSpace(alert); alert != "" {
			alerts = append(alerts, alert)
		}
	}
	return alerts
}

// NoneAttachedError says that no referrer is the one that was meant.
type NoneAttachedError struct {
	Subject digest.Digest
	Options AttachedOptions
	Others  []*Referrer // of the kind, that answer other alerts
}

func (e *NoneAttachedError) Error() string {
	what := e.Options.Kind
	if e.Options.Alert != "" {
		what += fmt.Sprintf(" for the alert %q", e.Options.Alert)
	}
	return fmt.Sprintf("no %s is attached to %s", what, e.Subject)
}

func (e *NoneAttachedError) Unwrap() error { return errdef.ErrNotFound }

// SeveralAttachedError says that several referrers could be meant.
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

// What Elsewhere looks at. It runs where something is missing, for the sake of an explanation.
const (
	maxElsewhereTags      = 32
	maxElsewherePlatforms = 16
)

// Place is where else something is attached.
type Place struct {
	Digest   digest.Digest
	Tag      string            // of an index that lists the subject
	Platform *ocispec.Platform // of a manifest that the subject lists; with Tag, the index has a statement about this one
}

// Elsewhere explains why nothing is attached to subject where something was expected: an index and the manifests of its
// platforms are different subjects, and one may have what the other has not. It returns the first of them that has it;
// nil where none has. An index is looked for behind a few of the tags that the source has.
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

// indexWith looks for an index that lists the manifest, behind the tags of the source.
func indexWith(ctx context.Context, src oras.ReadOnlyGraphTarget, m *fetch.Manifest, opts AttachedOptions) (*Place, error) {
	lister, ok := src.(registry.TagLister)
	if !ok {
		return nil, nil
	}
	var tags []string
	errEnough := errors.New("enough tags")
	err := lister.Tags(ctx, "", func(page []string) error {
		tags = append(tags, page...)
		if len(tags) >= maxElsewhereTags {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	for _, tag := range tags[:min(len(tags), maxElsewhereTags)] {
		index, err := fetch.Resolve(ctx, src, tag)
		if err != nil || !index.IsIndex() {
			continue // another artifact, or a tag that went meanwhile
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

// hasAttached reports whether what is meant is attached to a subject, once or several times.
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
