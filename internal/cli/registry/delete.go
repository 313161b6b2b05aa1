package registry

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
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

func newDeleteCommand(a *app.App) *cobra.Command {
	var yes bool
	var dryRun app.DryRun
	cmd := &cobra.Command{
		Use:   "delete TARGET",
		Short: "Delete a tag, or a manifest with all its tags",
		Long: `Delete a tag (the manifest stays, with its digest and its other tags) or, with a digest, the
manifest and every tag of it. In a layout or archive, the blobs that nothing else needs go with
the manifest. On a terminal, davit asks first. The question and a dry run list the tags of the
manifest, unless a repository in a registry has more than 200 tags.`,
		Example: `  davit delete registry.example.com/app:1.0
  davit delete --yes ./oci@sha256:87ba42d7831ceb3169e2afa45a3cbe1f60c879ca903db0d97b959029df1134f0`,
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDelete(cmd.Context(), a, args[0], yes, dryRun)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask; without a terminal, davit never does")
	dryRun.AddFlag(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

func runDelete(ctx context.Context, a *app.App, reference string, yes bool, dryRun app.DryRun) error {
	ref, err := registry.Parse(reference)
	if err != nil {
		return err
	}
	if ref.Reference() == "" {
		return &exit.UsageError{Err: fmt.Errorf("%q names no tag and no digest", reference), Hint: fmt.Sprintf("\"%s\" lists the tags", shell.Command("davit", "tags", ref.Name()))}
	}
	mode := registry.Write
	if dryRun {
		mode = registry.Read
	}
	t, err := a.OpenReference(ctx, ref, mode)
	if err != nil {
		return err
	}
	result, err := app.Finish(ctx, t, func(t *app.Target) (*deleteResult, error) { return deleteFrom(ctx, a, t, yes, dryRun) })
	if err != nil {
		return err
	}
	return a.Print(result)
}

// deleteFrom deletes the tag or manifest that the reference of the target names. It asks first, unless yes is set. In a dry run, it
// deletes nothing.
func deleteFrom(ctx context.Context, a *app.App, t *app.Target, yes bool, dryRun app.DryRun) (*deleteResult, error) {
	desc, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	r := &deleteResult{Described: results.Describe(t.Ref, desc), dryRun: dryRun}
	question := fmt.Sprintf("delete the tag %s (%s)?", t.Ref, desc.Digest)
	if t.Ref.Digest == "" {
		r.Tags = []string{t.Ref.Tag}
	} else if question = fmt.Sprintf("delete %s and every tag of it?", t.Ref); bool(dryRun) || a.CanAsk() && !yes {
		switch tags, err := findManifestTags(ctx, t, desc); {
		case ctx.Err() != nil:
			return nil, err
		case err != nil:
			a.Note("tags not listed: %v", err)
		case len(tags) == 0:
			question, r.ManifestTags = fmt.Sprintf("delete %s, which has no tag?", t.Ref), &tags
		default:
			question, r.ManifestTags = fmt.Sprintf("delete %s and every tag of it: %s?", t.Ref, textdist.FirstFew(tags)), &tags
		}
	}
	if dryRun {
		return r, nil
	}
	if err := a.Confirm(ctx, question, yes); err != nil {
		return nil, err
	}
	if t.Ref.Digest != "" {
		return r, t.Delete(ctx, desc)
	}
	return r, untag(ctx, a, t, desc)
}

// maxResolved limits the tags of a registry that are resolved to find those of a manifest. Each takes a request.
const maxResolved = 200

// findManifestTags returns the tags that point to a manifest, sorted. It fails if a repository in a registry has more than
// maxResolved tags.
func findManifestTags(ctx context.Context, t *app.Target, desc ocispec.Descriptor) ([]string, error) {
	tags, err := listTagsToResolve(ctx, t)
	if err != nil {
		return nil, err
	}
	err = concurrency.Each(ctx, len(tags), func(ctx context.Context, i int) error {
		found, err := t.Resolve(ctx, tags[i])
		if errors.Is(err, errdef.ErrNotFound) || err == nil && found.Digest != desc.Digest {
			tags[i], err = "", nil
		}
		return err
	})
	tags = slices.DeleteFunc(tags, func(tag string) bool { return tag == "" })
	slices.Sort(tags)
	return tags, err
}

// listTagsToResolve returns all tags of a target, with their repositories in a layout. Its limit is that of findManifestTags.
func listTagsToResolve(ctx context.Context, t *app.Target) (all []string, err error) {
	if layout, ok := t.Target.(interface {
		FullTags(ctx context.Context) ([]string, error)
	}); ok {
		return layout.FullTags(ctx)
	}
	err = t.Tags(ctx, "", func(page []string) error {
		if all = append(all, page...); len(all) > maxResolved {
			return fmt.Errorf("%s has more than %d tags", t.Ref.Name(), maxResolved)
		}
		return nil
	})
	return all, err
}

// untag removes only the tag. In a layout, a manifest that has no other tag stays listed, as in a registry; a note then names the
// command that deletes it.
func untag(ctx context.Context, a *app.App, t *app.Target, desc ocispec.Descriptor) error {
	if err := t.Untag(ctx, t.Ref.TagName()); err != nil {
		return &untagError{t.Ref, desc, err}
	}
	layout, ok := t.Target.(interface {
		NamesOf(ctx context.Context, d digest.Digest) ([]string, error)
	})
	if !ok {
		return nil
	}
	names, err := layout.NamesOf(ctx, desc.Digest)
	if err == nil && len(names) == 0 {
		ref := t.Ref
		ref.Tag = ""
		a.Note("the manifest stays, without a name; to delete it too: %s", shell.Command("davit", "delete", app.WithDigest(ref, desc)))
	}
	return err
}

// untagError reports a tag that could not be removed. Many registries delete only manifests.
type untagError struct {
	ref  registry.Reference
	desc ocispec.Descriptor
	err  error
}

// Error returns the message of the cause.
func (e *untagError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *untagError) Unwrap() error { return e.err }

// Hint returns the command that deletes the manifest, if the registry answered with an error. Otherwise, it is empty.
func (e *untagError) Hint() string {
	var answered *registry.Unavailable
	if !errors.As(e.err, &answered) || answered.Answer.Status == 0 {
		return ""
	}
	ref := e.ref
	ref.Tag = ""
	return "many registries delete only manifests, with every tag of them: " + shell.Command("davit", "delete", app.WithDigest(ref, e.desc))
}

// deleteResult is the result of delete.
type deleteResult struct {
	results.Described
	Tags []string `json:"tags,omitempty"` // the deleted tag; empty: the manifest was deleted

	// ManifestTags are the tags that are deleted with a manifest. Nil: they were not looked for, which costs requests.
	ManifestTags *[]string `json:"manifestTags,omitempty"`

	dryRun app.DryRun
}

// WriteText prints the deleted reference with, for a tag, the digest of its manifest and, for a manifest, its tags.
func (r deleteResult) WriteText(w io.Writer) error {
	var t term.Table
	t.Row(r.dryRun.Verb("deleted", "delete"), r.Reference)
	if len(r.Tags) > 0 {
		t.Row("digest", r.Digest.String())
	}
	if r.ManifestTags != nil {
		t.Row("tags", cmp.Or(strings.Join(*r.ManifestTags, ", "), "none"))
	}
	return t.WriteText(w)
}
