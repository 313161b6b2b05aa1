package referrers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// AttachedOptions select some of a subject's referrers.
type AttachedOptions struct {
	Kind   string // names of kinds, or artifactTypes, separated by commas
	Alert  string // only runbooks that answer this alert
	Latest bool   // only the one created last
}

// Found are the referrers of one subject that match, or the subject itself.
type Found struct {
	Referrers []*Referrer // most severe first, then newest first
	Undecided []*Referrer // with Latest, the candidates if their times do not determine the latest
	Place     *Place      // where they are attached, if not to the requested subject
	Inexact   bool        // the alert matches only if the letter case is ignored
}

// Find returns the referrers of a subject that match, using only the listing. If no referrer matches, but the subject itself does, Find
// returns the subject. Otherwise it searches other subjects, and returns the referrers of the first with a match: the manifests of an
// index's platforms or, for a manifest, the indexes that list it, among a few of the source's tags. It fails with a *NoneAttachedError
// if no subject has a match; see List for other errors.
func Find(ctx context.Context, src oras.ReadOnlyGraphTarget, subject ocispec.Descriptor, opts AttachedOptions) (*Found, error) {
	found, none, err := findAt(ctx, src, subject, opts)
	if found != nil || err != nil {
		return found, err
	}
	m, err := load(ctx, src, subject)
	if err != nil {
		return nil, err
	}
	if found = findItself(m, none); found != nil {
		return found, nil
	}
	place, err := findElsewhere(ctx, src, m, none)
	if err != nil {
		return nil, err
	}
	if place == nil || len(place.Found.Referrers) == 0 {
		none.Place = place
		return nil, none
	}
	found = &place.Found
	return &Found{found.Referrers, found.Undecided, place, found.Inexact}, nil
}

// findAt returns the matching referrers of one subject. If no referrer matches, it returns a NoneAttachedError with the others.
func findAt(ctx context.Context, src oras.ReadOnlyGraphTarget, subject ocispec.Descriptor, opts AttachedOptions) (
	*Found, *NoneAttachedError, error) {
	all, err := List(ctx, src, subject, Options{Kind: opts.Kind})
	if err != nil {
		return nil, nil, err
	}
	fit, inexact := selectAnswering(all, opts.Alert)
	fit = withoutStatements(fit, opts.Kind)
	if len(fit) == 0 {
		return nil, &NoneAttachedError{Subject: subject.Digest, Options: opts, Others: all}, nil
	}
	found := &Found{Referrers: fit, Inexact: inexact}
	if opts.Latest {
		var latest *Referrer
		latest, found.Undecided = Latest(fit)
		found.Referrers = []*Referrer{latest}
	}
	lists.Sort(found.Referrers, func(a, b *Referrer) int {
		return cmp.Or(cmp.Compare(a.SeverityRank(), b.SeverityRank()), b.Created().Compare(a.Created()))
	})
	return found, nil, nil
}

// findItself returns the subject if it matches, or nil. It adds a subject for other alerts to none.
func findItself(m *fetch.Manifest, none *NoneAttachedError) *Found {
	r := &Referrer{Digest: m.Desc.Digest, MediaType: m.Desc.MediaType, Size: m.Desc.Size}
	r.describe(m)
	r.complete()
	if !kinds.AnyOf(none.Options.Kind, r.Is) {
		return nil
	}
	fit, inexact := selectAnswering([]*Referrer{r}, none.Options.Alert)
	if len(fit) == 0 {
		none.Others = append(none.Others, r)
		return nil
	}
	return &Found{Referrers: fit, Inexact: inexact}
}

// withoutStatements removes attestations that contain a statement of a wanted kind, if other referrers are of that kind themselves.
func withoutStatements(all []*Referrer, wanted string) []*Referrer {
	isOf := func(kind string) bool {
		return slices.ContainsFunc(all, func(r *Referrer) bool { return r.Kind == kind })
	}
	return lists.Delete(slices.Clone(all), func(r *Referrer) bool {
		return !kinds.AnyOf(wanted, func(kind string) bool { return r.Kind == kind || !isOf(kind) && r.is(kind) })
	})
}

// selectAnswering returns the referrers that answer an alert, or all if the alert is "". If no alert matches exactly, it ignores the
// letter case and reports inexact.
func selectAnswering(all []*Referrer, alert string) (fit []*Referrer, inexact bool) {
	if alert == "" {
		return slices.Clone(all), false
	}
	for _, matches := range []func(string) bool{
		func(a string) bool { return a == alert },
		func(a string) bool { return strings.EqualFold(a, alert) },
	} {
		for _, r := range all {
			if slices.ContainsFunc(r.Alerts(), matches) {
				fit = append(fit, r)
			}
		}
		if len(fit) > 0 {
			return fit, inexact
		}
		inexact = true
	}
	return nil, false
}

// severities are common words for severities, in groups, the most severe first.
var severities = [][]string{
	{"critical", "crit", "fatal", "emergency", "disaster", "page", "blocker", "sev0", "sev1", "sev-0", "sev-1", "p0", "p1", "s1"},
	{"high", "error", "major", "severe", "sev2", "sev-2", "p2", "s2"},
	{"warning", "warn", "medium", "moderate", "average", "minor", "ticket", "sev3", "sev-3", "p3", "s3"},
	{"low", "info", "informational", "notice", "none", "sev4", "sev-4", "sev5", "sev-5", "p4", "p5", "s4"},
}

// SeverityRank returns the rank of a runbook's severity; see the function of this name.
func (r *Referrer) SeverityRank() int { return SeverityRank(r.Annotations[mediatypes.RunbookSeverity]) }

// SeverityRank returns the rank of a severity. The most severe has rank 0; an unknown or missing severity ranks last.
func SeverityRank(severity string) int {
	word := strings.ToLower(strings.TrimSpace(severity))
	for rank, words := range severities {
		if slices.Contains(words, word) {
			return rank
		}
	}
	return len(severities)
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
	Others  []*Referrer // of the kind, but for other alerts: those of all subjects that Find searched, and the subject itself
	Place   *Place      // of a statement in an index; nil if not found
}

// Error names the kind, the alert, and the subject.
func (e *NoneAttachedError) Error() string {
	missing := e.Options.Kind
	if e.Options.Alert != "" {
		missing += fmt.Sprintf(" for the alert %q", e.Options.Alert)
	}
	return fmt.Sprintf("no %s is attached to %s", missing, e.Subject)
}

// Unwrap returns errdef.ErrNotFound.
func (e *NoneAttachedError) Unwrap() error { return errdef.ErrNotFound }

// Limits of findElsewhere.
const (
	maxElsewhereTags      = 32
	maxElsewherePlatforms = 16
)

// Place is a subject, other than the requested one, that has attachments.
type Place struct {
	Digest   digest.Digest
	Tag      string            // of an index that lists the subject
	Platform *ocispec.Platform // of the manifest; with Tag, of the requested one, about which the index has a statement
	Found    Found             // the attachments there; empty for a statement
}

// findElsewhere searches for attachments that the subject lacks: an index and the manifests of its platforms are different subjects,
// and one may have attachments that the other lacks. It returns the first of them with a match. Without a match, it returns
// nil, and adds their attachments for other alerts to none. It searches for indexes among a few of the source's tags.
func findElsewhere(ctx context.Context, src oras.ReadOnlyGraphTarget, m *fetch.Manifest, none *NoneAttachedError) (*Place, error) {
	if !m.IsIndex() {
		return findOnIndexes(ctx, src, m, none)
	}
	return findOnPlatforms(ctx, src, m, none)
}

// load reads the manifest of a subject. If the size is unknown, as for a subject from a container runtime, the source determines it.
func load(ctx context.Context, src oras.ReadOnlyTarget, subject ocispec.Descriptor) (*fetch.Manifest, error) {
	if subject.Size == 0 {
		return fetch.Resolve(ctx, src, subject.Digest.String())
	}
	return fetch.Load(ctx, src, subject)
}

// findOnPlatforms searches the manifests of an index for matching attachments.
func findOnPlatforms(ctx context.Context, src oras.ReadOnlyGraphTarget, index *fetch.Manifest, none *NoneAttachedError) (*Place, error) {
	entries := oci.Runnable(index.Manifests)
	for _, e := range entries[:min(len(entries), maxElsewherePlatforms)] {
		found, noneThere, err := findAt(ctx, src, e, none.Options)
		if err != nil {
			return nil, err
		}
		if found != nil {
			return &Place{Digest: e.Digest, Platform: e.Platform, Found: *found}, nil
		}
		none.Others = append(none.Others, noneThere.Others...)
	}
	return nil, nil
}

// findOnIndexes searches the tags of the source for an index that lists the manifest.
func findOnIndexes(ctx context.Context, src oras.ReadOnlyGraphTarget, m *fetch.Manifest, none *NoneAttachedError) (place *Place, err error) {
	opts := none.Options
	err = visitIndexesOf(ctx, src, m.Desc.Digest, func(tag string, index *fetch.Manifest, p *ocispec.Platform) (bool, error) {
		if p != nil && opts.Alert == "" {
			if found, err := findStatementAbout(ctx, src, index, m.Desc.Digest, opts.Kind); found != nil || err != nil {
				place = &Place{Digest: index.Desc.Digest, Tag: tag, Platform: p}
				return true, err
			}
		}
		there, noneThere, err := findAt(ctx, src, index.Desc, opts)
		if err != nil {
			return true, err
		}
		if there != nil {
			place = &Place{Digest: index.Desc.Digest, Tag: tag, Found: *there}
			return true, nil
		}
		none.Others = append(none.Others, noneThere.Others...)
		place, err = findOnPlatforms(ctx, src, index, none)
		return place != nil, err
	})
	return place, err
}
