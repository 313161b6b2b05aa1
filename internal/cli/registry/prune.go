package registry

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/retention"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/davit-oci/davit/pack/prune"
	"github.com/spf13/cobra"
)

func newPruneCommand(a *app.App) *cobra.Command {
	var opts pruneOptions
	cmd := &cobra.Command{
		Use:   "prune REPO",
		Short: "Remove tags that are not kept, and manifests that no kept tag reaches",
		Long: `Remove tags that are not kept, and the manifests that no kept tag reaches, directly or through
indexes, subjects, and attachments. A tag is kept if it matches --keep-tags, if it names one of
the newest artifacts that --keep-last counts in each repository, or if it is younger than
--older-than; without these flags, every tag is kept. A date comes from the artifact: without one,
a tag is never old, and the highest version is the newest. Registries list no manifests without a
tag, so only tags and attachments are considered there. On a terminal, davit asks first.`,
		Example: `  davit prune registry.example.com/app --keep-tags 'v*' --keep-last 5 --older-than 30d --dry-run
  davit prune ./oci`,
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runPrune(cmd.Context(), a, args[0], opts) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&opts.KeepTags, "keep-tags", nil, "keep tags that match `GLOB` (repeatable)")
	retention.AddCount(f, &opts.KeepLast, "keep-last", "keep the newest `N` artifacts of each repository, with all their tags")
	retention.AddAge(f, &opts.OlderThan, "older-than", "remove only tags older than this `AGE`: 90d, 12w, 36h")
	f.BoolVar(&opts.dryRun, "dry-run", false, "show what would be removed, without doing it")
	f.BoolVarP(&opts.yes, "yes", "y", false, "do not ask; without a terminal, davit never does")
	a.AddRegistryFlags(f)
	return cmd
}

type pruneOptions struct {
	prune.Policy
	dryRun, yes bool
}

func runPrune(ctx context.Context, a *app.App, repository string, opts pruneOptions) error {
	mode := registry.Write
	if opts.dryRun {
		mode = registry.Read
	}
	result, err := app.WithExisting(ctx, a, repository, mode, func(t *app.Target) (*pruneResult, error) {
		if t.Ref.InLayout() != "" && t.Ref.IsPath() { // the layout may list manifests that its other repositories need
			return nil, &exit.UsageError{Err: fmt.Errorf("%s: a layout is pruned as a whole", t.Ref), Hint: shell.Command("davit", "prune", t.Ref.Path)}
		}
		if t.Ref.Reference() != "" {
			return nil, &exit.UsageError{Err: fmt.Errorf("%s: a repository is pruned as a whole", t.Ref), Hint: shell.Command("davit", "prune", t.Ref.Name())}
		}
		repo := prune.Repository{Target: t.Target, Tags: func(ctx context.Context) ([]string, error) { return listFullTags(ctx, t) }, AllTags: t.ListAllTags}
		plan, err := prune.NewPlan(ctx, repo, opts.Policy)
		if err != nil {
			return nil, err
		}
		if len(plan.Undated) > 0 {
			a.Note("kept, because --older-than removes no tag without a date: %s", textdist.FirstFew(plan.Undated))
		}
		if !plan.Listed && opts.KeepsAll() { // manifests without a tag are all that could be removed
			a.Note("registries list no manifests without a tag: only tags and attachments were considered")
		}
		r := &pruneResult{t.Ref.Name(), plan, opts.dryRun, a.Quiet}
		if opts.dryRun || len(plan.Tags)+len(plan.Manifests) == 0 {
			return r, nil
		}
		question := fmt.Sprintf("remove %s and %s from %s?", countTags(plan.Tags), term.Plural(len(plan.Manifests), "manifest"), repository)
		if err := a.Confirm(ctx, question, opts.yes); err != nil {
			return nil, err
		}
		return r, plan.Apply(ctx, repo)
	})
	if err != nil {
		return err
	}
	return a.Print(result)
}

// countTags returns the number of tags with the first few names, such as "2 tags (1.0, 1.1)".
func countTags(tags []prune.Tag) string {
	if len(tags) == 0 {
		return "no tags"
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Name
	}
	return fmt.Sprintf("%s (%s)", term.Plural(len(tags), "tag"), textdist.FirstFew(names))
}

// listFullTags lists the tags, without those of the referrers tag schema and cosign. In a layout, the repository precedes each
// tag, because several repositories may have the same tag.
func listFullTags(ctx context.Context, t *app.Target) ([]string, error) {
	several, ok := t.Target.(interface {
		FullTags(ctx context.Context) ([]string, error)
	})
	if !ok {
		return t.ListTags(ctx)
	}
	all, err := several.FullTags(ctx)
	return slices.DeleteFunc(all, manifest.IsMachineTag), err
}

// pruneResult is the result of prune.
type pruneResult struct {
	Reference string `json:"reference"`
	*prune.Plan
	DryRun bool `json:"dryRun,omitempty"`

	isBrief bool // text says nothing about the kept tags if others are removed
}

// WriteText prints the removed tags and manifests, or the reason why nothing was removed. The last line is about the kept tags.
func (r *pruneResult) WriteText(w io.Writer) error {
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	var t, manifests term.Table
	for _, tag := range r.Tags {
		what := ""
		if manifest.IsReferrersTag(tag.Name) {
			what = "internal: list of attachments"
		} else if manifest.IsCosignTag(tag.Name) {
			what = "internal: of cosign"
		}
		t.Row(verb, "tag", tag.Name, term.Digest(w, tag.Digest), what)
	}
	for _, m := range r.Manifests {
		of, kind := "", cmp.Or(m.Kind, m.ArtifactType)
		if kind == "" && manifest.IsIndex(m.MediaType) {
			kind = "index"
		}
		if m.Subject != "" {
			of = "of " + term.Digest(w, m.Subject)
		} else if m.Platform != nil {
			of = manifest.FormatPlatform(m.Platform)
		}
		manifests.Row(verb, "manifest", term.Digest(w, m.Digest), kind, m.Name, of)
	}
	if len(r.Tags)+len(r.Manifests) == 0 {
		reason := "no tags"
		if len(r.Kept) > 0 {
			reason = term.Plural(len(r.Kept), "tag") + " kept"
		}
		t.Row("nothing to remove: " + reason)
		return t.WriteText(w)
	}
	var kept []string
	if !r.isBrief {
		kept = slices.Clone(r.Kept)
	}
	lists.Sort(kept, func(a, b string) int { return versions.Compare(b, a) })
	return fault.Join(t.WriteText(w), manifests.WriteText(w), retention.WriteKept(w, kept, r.DryRun))
}
