package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newDiscoverCommand(a *app) *cobra.Command {
	var opts discoverOptions
	cmd := &cobra.Command{
		Use:   "discover SUBJECT",
		Short: "Shows what is attached to an artifact or image, as a tree",
		Example: `  davit discover registry.example.com/app:1.0
  davit discover ./oci:1.0 --kind sbom --latest
  davit discover registry.example.com/app:1.0 --format go-template='{{range .referrers}}{{.digest}}{{"\n"}}{{end}}'`,
		GroupID:     groupAttach,
		Args:        arguments(1, 1),
		Annotations: map[string]string{"formats": "tree"},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.subject = args[0]
			return a.discover(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringVar(&opts.Kind, "kind", "", "those of this `KIND` (or artifactType)")
	cmd.Flags().BoolVar(&opts.latest, "latest", false, "of each kind, and of what attestations state, only the newest")
	cmd.Flags().BoolVar(&opts.Tags, "tags", true, "also what cosign keeps under tags like sha256-….sig; it takes three requests")
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

type discoverOptions struct {
	pull.ReferrerOptions
	subject string
	latest  bool
}

func (a *app) discover(ctx context.Context, opts discoverOptions) error {
	if err := checkReferrerKind(opts.Kind); err != nil {
		return err
	}
	t, err := a.open(ctx, opts.subject, registry.Read)
	if err != nil {
		return err
	}
	result, err := discoverIn(ctx, t, opts)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	return a.print(result)
}

func discoverIn(ctx context.Context, t *target, opts discoverOptions) (*discoverResult, error) {
	desc, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	opts.Recursive = true
	referrers, err := pull.Referrers(ctx, t.Target, desc, opts.ReferrerOptions)
	if err != nil {
		return nil, err
	}
	manifests, err := pull.PlatformReferrers(ctx, t.Target, desc, opts.ReferrerOptions)
	if err != nil {
		return nil, err
	}
	if opts.latest {
		referrers = latest(referrers)
		for _, m := range manifests {
			m.Referrers = latest(m.Referrers)
		}
	}
	if referrers == nil {
		referrers = []*pull.Referrer{}
	}
	none := "nothing"
	if opts.Kind != "" {
		none = "no " + opts.Kind
	}
	return &discoverResult{Subject: newResolveResult(t.ref, desc), Referrers: referrers, Manifests: manifests, none: none}, nil
}

// checkReferrerKind refuses what is neither a kind nor a media type: nothing can be attached that it would find.
func checkReferrerKind(kind string) error {
	if _, known := mediatypes.Lookup(kind); known || kind == "" || strings.Contains(kind, "/") {
		return nil
	}
	hint := cmp.Or(hintForKind(kind), "\"davit kinds\" lists them; an artifactType will do, too")
	return &usageError{err: fmt.Errorf("no such kind: %q", kind), hint: hint}
}

// latest keeps the newest of each kind, and of attestations the newest of each predicate; where times are equal or missing,
// the last one listed.
func latest(referrers []*pull.Referrer) []*pull.Referrer {
	var kept []*pull.Referrer
	at := map[string]int{} // by kind
	for _, r := range referrers {
		kind := cmp.Or(r.Kind, r.ArtifactType) + " " + stated(r)
		i, known := at[kind]
		switch {
		case !known:
			at[kind] = len(kept)
			kept = append(kept, r)
		case !r.Created().Before(kept[i].Created()):
			kept[i] = r
		}
	}
	return kept
}

// discoverResult is what discover prints.
type discoverResult struct {
	Subject   resolveResult      `json:"subject"`
	Referrers []*pull.Referrer   `json:"referrers"`
	Manifests []*pull.AttachedTo `json:"manifests,omitempty"` // of an index, those that something belongs to

	none string // "nothing", or "no" of the kind that was asked for
}

func (r *discoverResult) WriteText(w io.Writer) error {
	root := term.NewTree(r.Subject.Reference, r.Subject.Digest.String())
	addReferrers(root, r.Referrers, time.Now())
	for _, m := range r.Manifests {
		of := root.Add(cmp.Or(manifest.FormatPlatform(m.Platform), "manifest"), "", m.Digest.String())
		addReferrers(of, m.Referrers, time.Now())
	}
	if len(r.Referrers)+len(r.Manifests) == 0 {
		root.Add(r.none + " is attached")
	}
	return root.WriteText(w)
}

// addReferrers puts referrers, and theirs, below a line.
func addReferrers(t *term.Tree, referrers []*pull.Referrer, now time.Time) {
	for _, r := range referrers {
		kind := cmp.Or(r.Kind, r.ArtifactType, r.MediaType)
		child := t.Add(kind, cmp.Or(r.Annotations[ocispec.AnnotationTitle], stated(r)), r.Digest.String(), age(r.Created(), now), r.Tag)
		addReferrers(child, r.Referrers, now)
	}
}

// stated is what a referrer states, by the types of its predicates.
func stated(r *pull.Referrer) string {
	types := slices.Clone(r.Statements)
	if len(types) == 0 {
		types = []string{cmp.Or(r.Annotations[mediatypes.PredicateType], r.Annotations[mediatypes.BundlePredicateType])}
	}
	for i, predicate := range types {
		types[i] = strings.TrimPrefix(predicate, "https://")
	}
	return strings.Join(types, ", ")
}

// age says how long ago something was made, in its largest unit.
func age(created, now time.Time) string {
	if created.IsZero() || created.Unix() <= 0 {
		return ""
	}
	d := now.Sub(created)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return ago(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return ago(int(d.Hours()), "hour")
	case d < 60*24*time.Hour:
		return ago(int(d.Hours()/24), "day")
	case d < 2*365*24*time.Hour:
		return ago(int(d.Hours()/24/30), "month")
	}
	return ago(int(d.Hours()/24/365), "year")
}

func ago(n int, unit string) string { return fmt.Sprintf("%s ago", term.Plural(n, unit)) }
