package attach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/retention"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/prune"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

func newDetachCommand(a *app.App) *cobra.Command {
	var opts detachOptions
	cmd := &cobra.Command{
		Use:   "detach SUBJECT [DIGEST|NAME...]",
		Short: "Remove referrers of an artifact or image",
		Long: `Remove referrers of SUBJECT: those with the digests or names given, those of a kind, old ones, or
all of them. Without any of these, davit asks on a terminal, and removes nothing in a script.
A name must be that of only one referrer of the subject, and a digest may be shortened to a unique
prefix of at least 6 digits, with or without "sha256:".

Signatures and other attachments of a removed one go with it, unless a tag points to them.

--keep leaves the newest of each type and name, so that --keep 4 leaves the last four reports of
every scanner. Attachments without a date count as the oldest, but --older-than never removes them.
If dates do not decide which attachments are the newest, --keep leaves all of these: name them by
their digests, or let "davit attach --replace" keep one. Where documents have no date, the flag
-a org.opencontainers.image.created=TIME of "davit attach" sets one.`,
		Example: `  davit detach registry.example.com/app:1.0 --kind report
  davit detach registry.example.com/app:1.0 --kind report --keep 4 --dry-run
  davit detach registry.example.com/app:1.0 --all --older-than 90d --each-platform
  davit detach registry.example.com/app:1.0 greeting
  davit detach ./oci:1.0 sha256:e64e31ab79f1a0c99e65dcb833105dcaeff619bcfd7bd154b6d46306380196b2`,
		GroupID: app.GroupAttach,
		Args:    app.Arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.subject, opts.given = args[0], args[1:]
			return runDetach(cmd.Context(), a, opts)
		},
	}
	f := cmd.Flags()
	results.AddKinds(f, &opts.Kind, "remove referrers of this `KIND` (or artifactType; repeatable)")
	f.BoolVar(&opts.All, "all", false, "remove all referrers without asking")
	retention.AddCount(f, &opts.Keep, "keep", "keep the newest `N` of each type and name")
	retention.AddAge(f, &opts.OlderThan, "older-than", "remove only those older than this `AGE`: 90d, 12w, 36h")
	f.BoolVar(&opts.eachPlatform, "each-platform", false, "remove from every platform's manifest instead of the index")
	f.BoolVar(&opts.dryRun, "dry-run", false, "show what would be removed, without doing it")
	f.BoolVarP(&opts.yes, "yes", "y", false, "do not ask before several are removed; without a terminal, davit never does")
	a.AddRegistryFlags(f)
	return cmd
}

type detachOptions struct {
	prune.Selection
	subject      string
	given        []string // digests, prefixes of digests, and names
	eachPlatform bool
	dryRun       bool
	yes          bool
}

func runDetach(ctx context.Context, a *app.App, opts detachOptions) error {
	for _, arg := range opts.given {
		if isDigest(arg) && !digestPrefix().MatchString(arg) {
			return &exit.UsageError{Err: fmt.Errorf("invalid digest %q", arg), Hint: fmt.Sprintf("at least 6 digits are needed; \"%s\" shows the digests", shell.Command("davit", "discover", opts.subject))}
		}
	}
	if err := results.CheckReferrerKinds(opts.Kind); err != nil {
		return err
	}
	ask := opts.IsEmpty() && len(opts.given) == 0
	if ask && (opts.yes || !a.CanAsk()) {
		return &exit.UsageError{
			Err:  errors.New("nothing is chosen, so nothing was removed"),
			Hint: "choose with --kind KIND, a digest, --keep N, or --older-than AGE; --all removes every referrer",
		}
	}
	isExplicit := opts.All || len(opts.given) > 0
	opts.All = opts.All || ask
	mode := registry.Write
	if opts.dryRun {
		mode = registry.Read
	}
	result, err := app.With(ctx, a, opts.subject, mode, func(t *app.Target) (*detachResult, error) {
		chosen, err := chooseReferrers(ctx, t, opts)
		if err != nil {
			return nil, err
		}
		if len(chosen.undecided) > 0 {
			a.Note("kept: %s; detach them by digest, or attach with --replace, or with %s", strings.Join(chosen.undecided, "; "), setDate)
		}
		if len(chosen.renamed) > 0 {
			a.Note("%s", describeRenamed(chosen.renamed, opts))
		}
		if !opts.dryRun && (ask || !isExplicit && len(chosen.Detached) > 1) {
			question := fmt.Sprintf("detach %s from %s?", chosen.countKinds(), opts.subject)
			if err := a.Confirm(ctx, question, opts.yes); err != nil {
				return nil, err
			}
		}
		return chosen, chosen.remove(ctx, t)
	})
	if err != nil && !errors.As(err, new(*prune.StillAttachedError)) {
		return err
	}
	result.isBrief = a.Quiet
	if printErr := a.Print(result); printErr != nil {
		return printErr
	}
	return err
}

// chooseReferrers returns the referrers to remove. It fails if no referrer matches, unless --keep or --older-than may leave all of them.
func chooseReferrers(ctx context.Context, t *app.Target, opts detachOptions) (*detachResult, error) {
	subject, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	subjects := []ocispec.Descriptor{subject}
	if opts.eachPlatform {
		if subjects, err = pack.Platforms(ctx, t.Target, subject); err != nil {
			return nil, err
		}
	}
	if opts.Digests, err = findDigests(ctx, t, subjects, opts); err != nil {
		return nil, err
	}
	r := &detachResult{Subject: subject, DryRun: opts.dryRun, Detached: []describedReferrer{}}
	var missing error
	isFound := map[digest.Digest]bool{}
	opts.AnySubject = len(subjects) > 1
	for _, s := range subjects {
		chosen, err := prune.Choose(ctx, t.Target, s, opts.Selection)
		if err != nil {
			if !errors.Is(err, errdef.ErrNotFound) {
				return nil, err
			}
			if missing = err; chosen == nil {
				continue
			}
		}
		for _, d := range opts.Digests {
			isFound[d] = isFound[d] || !slices.Contains(chosen.Missing, d)
		}
		for _, desc := range chosen.Referrers {
			r.Detached = append(r.Detached, describe(desc, s))
		}
		for _, list := range chosen.Undecided {
			for _, desc := range list {
				r.Undecided = append(r.Undecided, describe(desc, s))
				r.Remaining = append(r.Remaining, describe(desc, s))
			}
			r.undecided = append(r.undecided, describeUndecided(list))
		}
		for _, desc := range slices.Concat(chosen.Kept, chosen.Young) {
			r.Remaining = append(r.Remaining, describe(desc, s))
		}
		if opts.Keep != nil && opts.OlderThan.IsZero() {
			r.renamed = append(r.renamed, findRenamed(chosen.Kept, *opts.Keep)...)
		}
	}
	for _, d := range opts.Digests {
		if len(isFound) > 0 && !isFound[d] {
			return nil, fmt.Errorf("%s is not a referrer of %s: %w", d, t.Ref, errdef.ErrNotFound)
		}
	}
	r.undecided = lists.Unique(r.undecided)
	lists.Sort(r.Remaining, func(a, b describedReferrer) int { return createdAt(b).Compare(createdAt(a)) })
	if len(r.Detached) > 0 || opts.Keep != nil || !opts.OlderThan.IsZero() {
		if r.reason = explainNone(opts.Selection); len(r.undecided) > 0 {
			r.reason = ": dates do not say which are the newest"
		}
		if len(r.Detached)+len(r.undecided) > 0 {
			r.renamed = nil
		}
		return r, nil // with --keep or --older-than, finding nothing is not an error
	}
	if len(opts.Digests) > 0 {
		return nil, missing
	}
	return nil, newMissingError(ctx, t, subject, opts)
}

// newMissingError returns the error that no referrer matches. The list of attachments also has cosign signatures stored under tags,
// which are not referrers: the hint shows how to delete them.
func newMissingError(ctx context.Context, t *app.Target, subject ocispec.Descriptor, opts detachOptions) error {
	missing := &exit.MissingError{
		Text:   fmt.Sprintf("%s: no %s is attached: not found", t.Ref, cmp.Or(results.ListKinds(opts.Kind), "referrer")),
		Advice: fmt.Sprintf("\"%s\" lists the attachments", shell.Command("davit", "discover", t.Ref.String())),
	}
	if opts.Kind != "" {
		missing.Advice = results.AdviseKinds(ctx, t.Target, t.Ref, subject)
	}
	tagged, err := referrers.List(ctx, t.Target, subject, referrers.Options{Kind: opts.Kind, Tags: true})
	if err != nil || len(tagged) == 0 || tagged[0].Tag == "" {
		return missing
	}
	ref := t.Ref
	ref.Tag, ref.Digest = tagged[0].Tag, ""
	missing.Advice = "cosign stored it under a tag: " + shell.Command("davit", "delete", ref.String())
	return missing
}

// detachResult is the result of detach.
type detachResult struct {
	Subject  ocispec.Descriptor  `json:"subject"`
	Detached []describedReferrer `json:"detached"`
	Kept     []describedReferrer `json:"kept,omitempty"` // still attached: the registry refuses deletion
	Own      []describedReferrer `json:"own,omitempty"`  // attached to those in Detached, and removed with them
	DryRun   bool                `json:"dryRun,omitempty"`
	// Undecided are not detached: no dates say which of them --keep would leave.
	Undecided []describedReferrer `json:"undecided,omitempty"`
	Remaining []describedReferrer `json:"remaining,omitempty"` // those that --keep and --older-than leave, also undecided ones, newest first

	isBrief   bool     // text has no dates, and nothing about Remaining
	reason    string   // why there is nothing to detach, after a colon
	undecided []string // describes Undecided in a note
	renamed   []string // kinds and names of those that --keep leaves because only their names differ
}

// explainNone returns the reason why --keep or --older-than leaves all attachments. It begins with a colon.
func explainNone(s prune.Selection) string {
	var reasons []string
	if s.Keep != nil {
		reasons = append(reasons, fmt.Sprintf("no more than %d of a type and name", *s.Keep))
	}
	if !s.OlderThan.IsZero() {
		reasons = append(reasons, "none is dated before "+s.OlderThan.Local().Format(time.DateTime))
	}
	return ": " + strings.Join(reasons, ", or ")
}

// describedReferrer is a referrer with its kind, name, and date, which may be empty.
type describedReferrer struct {
	ocispec.Descriptor
	Kind    string `json:"kind,omitempty"`
	Name    string `json:"name,omitempty"`
	Created string `json:"created,omitempty"` // in RFC 3339

	of ocispec.Descriptor // its subject
}

// createdAt returns the date of a referrer, or the zero time.
func createdAt(d describedReferrer) time.Time { return manifest.Created(d.Annotations) }

// platform returns the platform of the subject, or "" if it is not one of several.
func (d describedReferrer) platform() string {
	if d.of.Platform == nil {
		return ""
	}
	return manifest.FormatPlatform(d.of.Platform)
}

// describe returns a referrer with its kind, name, and date.
func describe(desc, subject ocispec.Descriptor) describedReferrer {
	created := ""
	if t := manifest.Created(desc.Annotations); !t.IsZero() {
		created = t.Format(time.RFC3339)
	}
	return describedReferrer{desc, results.KindName(desc), desc.Annotations[ocispec.AnnotationTitle], created, subject}
}

// row returns the cells that describe a referrer.
func (r detachResult) row(verb string, d describedReferrer) []string {
	cells := []string{verb, d.Digest.String(), cmp.Or(d.Kind, d.ArtifactType), d.Name}
	if !r.isBrief {
		cells = append(cells, d.Created)
	}
	return append(cells, d.platform())
}

// describeUndecided counts referrers whose dates do not show which are the newest, and names their kind and name.
func describeUndecided(list []ocispec.Descriptor) string {
	one := list[0]
	kind := cmp.Or(results.KindName(one), one.ArtifactType)
	if name := one.Annotations[ocispec.AnnotationTitle]; name != "" {
		kind += fmt.Sprintf(" named %q", name)
	}
	return results.DescribeUndecided(len(list), kind, manifest.Created(one.Annotations))
}

// WriteText prints a row for each referrer, or why there is nothing to detach. The last line is about those that --keep and --older-than
// leave.
func (r detachResult) WriteText(w io.Writer) error {
	var t term.Table
	verb, ownVerb := "detached", "removed"
	if r.DryRun {
		verb, ownVerb = "would detach", "would remove"
	}
	if len(r.Detached)+len(r.Kept) == 0 {
		t.Row("nothing to detach" + r.reason)
	}
	for _, d := range r.Detached {
		t.Row(r.row(verb, d)...)
	}
	for _, d := range r.Own {
		t.Row(r.row(ownVerb, d)...)
	}
	for _, d := range r.Kept {
		t.Row(r.row("still attached", d)...)
	}
	if r.isBrief {
		return t.WriteText(w)
	}
	var remaining []string
	for _, d := range r.Remaining {
		remaining = append(remaining, strings.Join(lists.Unique([]string{d.Created, term.Digest(w, d.Digest), d.Name, d.platform()}), " "))
	}
	return fault.Join(t.WriteText(w), retention.WriteKept(w, remaining, r.DryRun))
}

// countKinds formats the number of detached referrers, in total and by kind, such as "3 referrers (2 report, 1 sbom)".
func (r detachResult) countKinds() string {
	var order []string
	counts := map[string]int{}
	for _, d := range r.Detached {
		kind := cmp.Or(d.Kind, d.ArtifactType)
		if counts[kind]++; counts[kind] == 1 {
			order = append(order, kind)
		}
	}
	for i, kind := range order {
		order[i] = fmt.Sprintf("%d %s", counts[kind], kind)
	}
	return fmt.Sprintf("%s (%s)", term.Plural(len(r.Detached), "referrer"), strings.Join(order, ", "))
}

// remove removes the referrers in Detached, and moves those that the registry refuses to delete to Kept. It adds to Own what goes with
// them. In a dry run, it removes nothing.
func (r *detachResult) remove(ctx context.Context, t *app.Target) error {
	var still prune.StillAttachedError
	for _, d := range r.Detached {
		var own []ocispec.Descriptor
		var err error
		if r.DryRun {
			own, err = prune.Own(ctx, t.Target, d.Descriptor)
		} else {
			own, err = prune.Referrers(ctx, t.Target, d.of, []ocispec.Descriptor{d.Descriptor})
		}
		if !still.Join(err) {
			return err
		}
		for _, desc := range own {
			r.Own = append(r.Own, describe(desc, ocispec.Descriptor{}))
		}
	}
	kept, gone := lists.Split(r.Detached, func(d describedReferrer) bool { return still.Has(d.Digest) })
	r.Kept, r.Detached = kept, append([]describedReferrer{}, gone...)
	return still.OrNil()
}
