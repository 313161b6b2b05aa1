package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/order"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2"
)

func newIndexCommand(a *app.App) *cobra.Command {
	var opts indexOptions
	cmd := &cobra.Command{
		Use:   "index TARGET MANIFEST...",
		Short: "Combine artifacts into one multi-platform index",
		Long: `Create an index of manifests and tag it. A MANIFEST is a tag or digest in TARGET's repository, or
the reference of an artifact elsewhere, which is copied there first. "PLATFORM=MANIFEST" sets the
platform of a manifest whose config has none; if the config has another platform, a warning says so.`,
		Example: `  davit index registry.example.com/app:1.0 1.0-amd64 1.0-arm64
  davit index registry.example.com/app:1.0 linux/amd64=registry.example.com/build:a linux/arm64=registry.example.com/build:b`,
		GroupID: app.GroupRegistry,
		Args:    cobra.MatchAll(app.Arguments(2, -1), order.CheckTarget),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target, opts.members = args[0], args[1:]
			return runIndex(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringSliceVar(&opts.tags, "tag", nil, "add this `TAG` (repeatable)")
	cmd.Flags().StringVar(&opts.artifactType, "artifact-type", "", "set the artifact `TYPE` of the index (default: that of its manifests)")
	cmd.Flags().StringArrayVarP(&opts.annotations, "annotation", "a", nil, "add the annotation `KEY=VALUE` to the index (repeatable)")
	opts.dryRun.AddFlag(cmd.Flags())
	opts.ifAbsent.AddFlag(cmd.Flags())
	opts.sign.AddFlags(cmd.Flags())
	a.AddSideFlags(cmd.Flags(), "a MANIFEST elsewhere", "TARGET")
	return cmd
}

type indexOptions struct {
	target       string
	members      []string
	tags         []string
	artifactType string
	annotations  []string
	sign         signing.Flags
	dryRun       app.DryRun

	ifAbsent app.IfAbsent
}

func runIndex(ctx context.Context, a *app.App, opts indexOptions) error {
	ref, err := registry.Parse(opts.target)
	if err != nil {
		return err
	}
	if ref.Digest != "" {
		return &exit.UsageError{Err: fmt.Errorf("the target %q names a digest", opts.target), Hint: "the digest results from the content: name a tag"}
	}
	if ref.Tag == "" {
		ref.Tag = app.DefaultTag
	}
	annotations, err := source.ParseAnnotations(opts.annotations)
	if err == nil {
		err = app.CheckTags(opts.tags)
	}
	if err != nil {
		return err
	}
	created, err := source.Date()
	if err != nil {
		return err
	}
	if err := assignLogins(a, ref, opts.members); err != nil {
		return err
	}
	signer, err := opts.sign.Signer(ctx, a, ref)
	if err != nil {
		return err
	}
	t, err := opts.dryRun.Open(ctx, a, &a.Logins.To, ref)
	if err != nil {
		return err
	}
	index := pack.IndexOptions{ArtifactType: opts.artifactType, Annotations: annotations}
	index.BeforeTag = opts.ifAbsent.Guard(t, append(versions.Full(opts.tags), t.Ref.TagName())...).Then(signer.In(t.Target))
	index.Tags, index.Created = append([]string{ref.TagName()}, opts.tags...), created
	var moves []string
	result, err := app.Finish(ctx, t, func(t *app.Target) (*pack.Result, error) {
		result, err := indexIn(ctx, a, t, opts.members, index)
		if err == nil && !a.Quiet {
			moves = warnOfMoves(ctx, t, result)
		}
		return result, err
	})
	if err != nil {
		return err
	}
	for _, warning := range append(moves, result.Warnings...) {
		a.Warn("%s", warning)
	}
	result.Reference = ref.String()
	return a.Print(results.Sent{Result: result, Verb: opts.dryRun.Verb("indexed", "index"), Signatures: signer.Made()})
}

// indexIn finds the members, copies those that are elsewhere, and writes the index. In a dry run, it copies nothing.
func indexIn(ctx context.Context, a *app.App, t *app.Target, members []string, opts pack.IndexOptions) (*pack.Result, error) {
	progress, stop := a.StartProgress()
	defer stop()
	opts.Progress = progress
	all := make([]pack.Member, len(members))
	for i, text := range members {
		var err error
		if all[i], err = findMember(ctx, a, t, text); err != nil {
			return nil, err
		}
	}
	return pack.Index(ctx, t.Target, all, opts)
}

// assignLogins assigns the logins in flags to the registries of the index and its members, before any of them is opened.
func assignLogins(a *app.App, index registry.Reference, members []string) error {
	if err := a.AssignLogin(&a.Logins.To, index); err != nil {
		return err
	}
	for _, text := range members {
		if _, reference, ok := strings.Cut(text, "="); ok {
			text = reference
		}
		ref, err := parseMember(index, text)
		if err != nil {
			return err
		}
		if ref.Name() != index.Name() {
			if err := a.AssignLogin(&a.Logins.From, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// findMember finds a manifest of the index, and copies it to the target if it is elsewhere. In a dry run, the target reads it from there.
func findMember(ctx context.Context, a *app.App, t *app.Target, text string) (pack.Member, error) {
	var m pack.Member
	if platform, reference, ok := strings.Cut(text, "="); ok {
		p, err := app.ParsePlatform(platform)
		if err != nil {
			return m, err
		}
		if m.Platform, text = p, reference; manifest.DoubtPlatform(platform) != "" {
			a.Warn("%s", manifest.DoubtPlatform(platform))
		}
	}
	ref, err := parseMember(t.Ref, text)
	if err != nil {
		return m, err
	}
	src := t.At(ref)
	if ref.Name() != t.Ref.Name() {
		if src, err = a.OpenSide(ctx, &a.Logins.From, ref, registry.Read); err != nil {
			return m, err
		}
		if dry := t.Dry(); dry != nil {
			dry.ReadAlso(src.Target)
			m.Descriptor, err = src.Find(ctx)
			return m, err
		}
		defer src.Close(ctx, nil)
	}
	if m.Descriptor, err = src.Find(ctx); err != nil || src.Target == t.Target {
		return m, err
	}
	err = oras.CopyGraph(ctx, src.Target, t.Target, m.Descriptor, oras.DefaultCopyGraphOptions)
	var failed *oras.CopyError // its text names oras-go functions
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return m, err
}

// parseMember parses the reference of a member. A tag or digest is in the repository of the index.
func parseMember(index registry.Reference, text string) (registry.Reference, error) {
	own := registry.Reference{Registry: index.Registry, Repository: index.Repository, Path: index.Path}
	if d, err := digest.Parse(strings.TrimPrefix(text, "@")); err == nil {
		own.Digest = d
		return own, nil
	}
	if registry.ValidateTag(text) == nil {
		own.Tag = text
		return own, nil
	}
	return registry.Parse(text)
}
