package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2"
)

func newIndexCommand(a *app) *cobra.Command {
	var opts indexOptions
	cmd := &cobra.Command{
		Use:   "index TARGET MANIFEST...",
		Short: "Makes one multi-platform index out of artifacts that were pushed apart",
		Long: `Puts manifests under one index and tags it. A MANIFEST is a tag or digest in TARGET's
repository, or any other target, which is copied there first. "PLATFORM=MANIFEST" says which
platform it is for, where its config does not.`,
		Example: `  davit index registry.example.com/app:1.0 1.0-amd64 1.0-arm64
  davit index registry.example.com/app:1.0 linux/amd64=registry.example.com/build:a linux/arm64=registry.example.com/build:b`,
		GroupID: groupRegistry,
		Args:    arguments(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target, opts.members = args[0], args[1:]
			return a.index(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringSliceVar(&opts.tags, "tag", nil, "one more `TAG` (repeatable)")
	cmd.Flags().StringVar(&opts.artifactType, "artifact-type", "", "artifact `TYPE` of the index (default: that of its manifests)")
	cmd.Flags().StringArrayVar(&opts.annotations, "annotation", nil, "annotation of the index, `KEY=VALUE` (repeatable)")
	a.addSideFlags(cmd.Flags(), "a MANIFEST elsewhere", "TARGET")
	return cmd
}

type indexOptions struct {
	target       string
	members      []string
	tags         []string
	artifactType string
	annotations  []string
}

func (a *app) index(ctx context.Context, opts indexOptions) error {
	ref, err := registry.Parse(opts.target)
	if err != nil {
		return err
	}
	if ref.Digest != "" {
		return &usageError{err: fmt.Errorf("the target %q names a digest", opts.target), hint: "the digest results from the content: name a tag"}
	}
	if ref.Tag == "" {
		ref.Tag = defaultTag
	}
	annotations, err := parseAnnotations(opts.annotations)
	if err == nil {
		err = validTags(opts.tags)
	}
	if err != nil {
		return err
	}
	created, err := sourceDate()
	if err != nil {
		return err
	}
	if err := a.assignMembers(ref, opts.members); err != nil {
		return err
	}
	t, err := a.openSide(ctx, &a.logins.to, ref, registry.Write)
	if err != nil {
		return err
	}
	index := pack.IndexOptions{ArtifactType: opts.artifactType, Annotations: annotations}
	index.Tags, index.Created = append([]string{ref.Tag}, opts.tags...), created
	result, err := a.indexIn(ctx, t, opts.members, index)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	result.Reference = ref.String()
	return a.print(sendResult{result, "indexed"})
}

func (a *app) indexIn(ctx context.Context, t *target, members []string, opts pack.IndexOptions) (*pack.Result, error) {
	progress, stop := a.startProgress()
	defer stop()
	opts.Progress = progress
	all := make([]pack.Member, len(members))
	for i, text := range members {
		var err error
		if all[i], err = a.member(ctx, t, text); err != nil {
			return nil, err
		}
	}
	return pack.Index(ctx, t.Target, all, opts)
}

// assignMembers finds out, before anything is opened, which of the registries that the index and its members are in gets
// the credentials of the flags.
func (a *app) assignMembers(index registry.Reference, members []string) error {
	if err := a.assignLogin(&a.logins.to, index); err != nil {
		return err
	}
	for _, text := range members {
		if _, reference, ok := strings.Cut(text, "="); ok {
			text = reference
		}
		ref, err := memberReference(index, text)
		if err != nil {
			return err
		}
		if ref.Name() != index.Name() {
			if err := a.assignLogin(&a.logins.from, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// member finds a manifest of the index to be, and brings it to the target if it is elsewhere.
func (a *app) member(ctx context.Context, t *target, text string) (pack.Member, error) {
	var m pack.Member
	if platform, reference, ok := strings.Cut(text, "="); ok {
		p, err := parsePlatform(platform)
		if err != nil {
			return m, err
		}
		m.Platform, text = p, reference
	}
	ref, err := memberReference(t.ref, text)
	if err != nil {
		return m, err
	}
	src := &target{Target: t.Target, ref: ref}
	if ref.Name() != t.ref.Name() {
		if src, err = a.openSide(ctx, &a.logins.from, ref, registry.Read); err != nil {
			return m, err
		}
		defer src.Close()
	}
	if m.Descriptor, err = src.resolve(ctx); err != nil || src.Target == t.Target {
		return m, err
	}
	return m, oras.CopyGraph(ctx, src.Target, t.Target, m.Descriptor, oras.DefaultCopyGraphOptions)
}

// memberReference reads a tag or digest as one of the index's own repository, and anything else as a target.
func memberReference(index registry.Reference, text string) (registry.Reference, error) {
	own := registry.Reference{Registry: index.Registry, Repository: index.Repository, Path: index.Path}
	if d, err := digest.Parse(strings.TrimPrefix(text, "@")); err == nil {
		own.Digest = d
		return own, nil
	}
	if registry.ValidTag(text) == nil {
		own.Tag = text
		return own, nil
	}
	return registry.Parse(text)
}

// parsePlatform reads OS/ARCH[/VARIANT][:OS_VERSION].
func parsePlatform(text string) (*ocispec.Platform, error) {
	p, ok := manifest.ParsePlatform(text)
	if !ok {
		return nil, &usageError{err: fmt.Errorf("platform %q: want OS/ARCH[/VARIANT]", text), hint: "for example linux/arm64"}
	}
	return &p, nil
}

// optionalPlatform is parsePlatform of a flag that may be left out.
func optionalPlatform(text string) (*ocispec.Platform, error) {
	if text == "" {
		return nil, nil
	}
	return parsePlatform(text)
}
