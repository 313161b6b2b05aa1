package look

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// shown is a document to show: a file in a manifest. If path is empty, it is the readable part of the artifact.
type shown struct{ manifest, path string }

// findAttached returns the attachments to show, and a note if they differ from the request or belong to the index or to another platform
// of the subject. The digest of an image in a registry is enough to list referrers: the image itself is not fetched.
func findAttached(ctx context.Context, t *app.Target, opts showOptions) (all []shown, note string, err error) {
	subject := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: t.Ref.Digest}
	switch {
	case opts.of != nil:
		var info *inspect.Info
		info, err = inspect.Inspect(ctx, t.Target, t.Ref.Reference(), inspect.Options{Shallow: true, Platform: opts.of})
		if err == nil {
			subject = ocispec.Descriptor{MediaType: info.MediaType, Digest: info.Digest, Size: info.Size}
		}
		err = t.Explain(ctx, err)
	case t.Ref.IsPath() || t.Ref.Digest == "":
		subject, err = t.Find(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	found, err := referrers.Find(ctx, t.Target, subject, opts.AttachedOptions)
	var none *referrers.NoneAttachedError
	if errors.As(err, &none) {
		inIndex, err := referrers.FindStatement(ctx, t.Target, t.Ref.Reference(), opts.of, opts.AttachedOptions)
		if errors.As(err, new(*referrers.NoneAttachedError)) {
			if opts.of != nil {
				if whole, err := t.Find(ctx); err == nil {
					subject = whole // like the reference, the hint is for all platforms
				}
			}
			return nil, "", newNoneAttached(ctx, t, none, subject)
		}
		if err != nil {
			return nil, "", t.Explain(ctx, err)
		}
		return []shown{{inIndex.Manifest.String(), inIndex.Path}}, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	for _, r := range found.Referrers {
		all = append(all, shown{manifest: r.Digest.String()})
	}
	note = describeDifference(found, opts.Alert)
	if note == "" && opts.Alert == "" && manifest.IsIndex(subject.MediaType) && all[0].manifest != subject.Digest.String() {
		note = "attached to the index; --platform OS/ARCH shows those of a platform"
	}
	return all, note, nil
}

// describeDifference describes how the result differs from the request.
func describeDifference(found *referrers.Found, alert string) string {
	var notes []string
	switch place := found.Place; {
	case place == nil:
	case place.Tag != "":
		notes = append(notes, fmt.Sprintf("attached to the index %q, which has this manifest", place.Tag))
	default:
		notes = append(notes, fmt.Sprintf("attached to the manifest for %s", cmp.Or(manifest.FormatPlatform(place.Platform), place.Digest.String())))
	}
	if n := len(found.Undecided); n > 0 {
		one := found.Referrers[0]
		notes = append(notes, results.DescribeUndecided(n, cmp.Or(one.Kind, one.ArtifactType), one.Created())+": this is "+one.Digest.String()+
			"; without --latest all are shown")
	}
	if found.Inexact {
		for _, name := range found.Referrers[0].Alerts() {
			if strings.EqualFold(name, alert) {
				notes = append(notes, fmt.Sprintf("the alert is %s, not %s", name, alert))
			}
		}
	}
	return strings.Join(notes, "; ")
}

// newNoneAttached returns the error that no attachment matches. Its hint names other attachments, or an index that has one.
func newNoneAttached(ctx context.Context, t *app.Target, none *referrers.NoneAttachedError, subject ocispec.Descriptor) error {
	e := &exit.MissingError{Text: fmt.Sprintf("%s: no %s is attached", t.Ref, results.ListKinds(none.Options.Kind))}
	if none.Options.Alert != "" {
		e.Text += fmt.Sprintf(" for the alert %q", none.Options.Alert)
	}
	var alerts []string
	for _, r := range none.Others {
		alerts = append(alerts, r.Alerts()...)
	}
	if len(alerts) > 0 {
		alerts = lists.SortUnique(alerts)
		if e.Advice = textdist.DidYouMean(none.Options.Alert, alerts); e.Advice == "" {
			e.Advice = fmt.Sprintf("there are runbooks for %s; \"%s\" lists them", textdist.FirstFew(alerts),
				shell.Command("davit", "show", "--alert", t.Ref.String()))
		}
		return e
	}
	if none.Place != nil {
		e.Advice = hintForStatement(t.Ref, none.Place, none.Options)
	} else {
		e.Advice = results.SuggestKinds(none.Options.Kind)
	}
	if e.Advice == "" {
		e.Advice = results.AdviseKinds(ctx, t.Target, t.Ref, subject)
	}
	return e
}

// hintForStatement returns the hint with the command that shows a statement about a manifest. The statement is stored in an index.
func hintForStatement(ref registry.Reference, place *referrers.Place, opts referrers.AttachedOptions) string {
	ref.Tag, ref.Digest = place.Tag, place.Digest
	return fmt.Sprintf("the index %q has a statement about this manifest: %s", place.Tag,
		shell.Command("davit", "show", "--kind", opts.Kind, "--platform", manifest.FormatPlatform(place.Platform), ref.String()))
}

// alertResult lists the alerts that have a runbook.
type alertResult struct {
	Subject string      `json:"subject"`
	Alerts  []alertLine `json:"alerts"`
}

// alertLine is an alert with one of its runbooks.
type alertLine struct {
	Alert    string        `json:"alert"`
	Severity string        `json:"severity,omitempty"`
	Service  string        `json:"service,omitempty"`
	Owner    string        `json:"owner,omitempty"`
	Title    string        `json:"title,omitempty"`
	Digest   digest.Digest `json:"digest"`
	// Reference and Path are the arguments of cat for the file that answers the alert. Section is the anchor of the part of it.
	Reference string `json:"reference"`
	Path      string `json:"path,omitempty"`
	Section   string `json:"section,omitempty"`
}

// listAlerts lists the alerts for which runbooks are attached to a subject: those of the most severe runbook first.
func listAlerts(ctx context.Context, t *app.Target, opts showOptions) (*alertResult, error) {
	if err := t.Complete(ctx); err != nil {
		return nil, err
	}
	subject, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	found, err := referrers.Find(ctx, t.Target, subject, opts.AttachedOptions)
	if err != nil {
		var none *referrers.NoneAttachedError
		if errors.As(err, &none) {
			return nil, newNoneAttached(ctx, t, none, subject)
		}
		return nil, err
	}
	r := &alertResult{Subject: t.Ref.String(), Alerts: []alertLine{}}
	for _, one := range found.Referrers {
		for _, alert := range read.AttachedAlerts(ctx, t.Target, one) {
			line := alertLine{alert.Name, alert.Severity, alert.Service, alert.Owner, alert.Title,
				one.Digest, manifestOf(t, one.Digest).Ref.String(), alert.Page, alert.Section}
			isSame := func(other alertLine) bool { // the same runbook, attached twice
				other.Digest, other.Reference, other.Path, other.Section = line.Digest, line.Reference, line.Path, line.Section
				return other == line
			}
			if !slices.ContainsFunc(r.Alerts, isSame) {
				r.Alerts = append(r.Alerts, line)
			}
		}
	}
	return r, nil
}

// addFiles adds the paths of runbooks that are a single file, whose configs name no pages. It reads the manifest of each.
func (r *alertResult) addFiles(ctx context.Context, t *app.Target) error {
	var single []digest.Digest
	for _, line := range r.Alerts {
		if line.Path == "" {
			single = append(single, line.Digest)
		}
	}
	single = lists.SortUnique(single)
	files := make([]string, len(single))
	err := concurrency.Each(ctx, len(single), func(ctx context.Context, i int) (err error) {
		files[i], err = read.MainFile(ctx, t.Target, single[i].String())
		if errors.Is(err, errdef.ErrNotFound) {
			return nil // another client deleted the runbook without removing it from the list
		}
		return err
	})
	for i, line := range r.Alerts {
		if at, ok := slices.BinarySearch(single, line.Digest); ok && line.Path == "" {
			r.Alerts[i].Path = files[at]
		}
	}
	return err
}

// WriteText prints a row for each alert.
func (r *alertResult) WriteText(w io.Writer) error {
	var t term.Table
	t.Row("ALERT", "SEVERITY", "OWNER", "RUNBOOK")
	for _, line := range r.Alerts {
		t.Row(line.Alert, cmp.Or(line.Severity, "-"), cmp.Or(line.Owner, line.Service, "-"), line.Title)
	}
	return t.WriteText(w)
}
