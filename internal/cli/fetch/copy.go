package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	orasregistry "oras.land/oras-go/v2/registry"
)

func newCopyCommand(a *app.App) *cobra.Command {
	var opts copyOptions
	cmd := &cobra.Command{
		Use:   "copy SRC DST",
		Short: "Copy an artifact or image from any target to any target",
		Long: `Copy an artifact byte for byte: between registries, layouts and archives. Blobs that DST has are
not sent; within one registry blobs are mounted instead of uploaded. DST without a tag
gets the tag of SRC.

A copy that was interrupted goes on where it stopped when the same command is run again. An
archive is written whole or not at all; what came for it waits in files beside it.

--username and --password-stdin are for one registry; where SRC and DST are in two, --from-username
and --to-username with their passwords say which is meant.`,
		Example: `  davit copy registry.example.com/app:1.0 mirror.example.com/app
  davit copy registry.example.com/app:1.0 ./app.tar --referrers
  davit copy ./oci registry.example.com/app --all-tags
  echo "$TOKEN" | davit copy registry.example.com/app:1.0 mirror.example.com/app --to-username me --to-password-stdin`,
		GroupID: app.GroupMove,
		Args:    app.Arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.src, opts.dst = args[0], args[1]
			return runCopy(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.referrers, "referrers", false, "also copy attachments: the whole graph, and cosign's tags")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "copy only the manifest of an index for `OS/ARCH[/VARIANT]`")
	cmd.Flags().BoolVar(&opts.allTags, "all-tags", false, "copy every tag of SRC")
	cmd.Flags().StringSliceVar(&opts.tags, "tag", nil, "add this `TAG` at DST (repeatable)")
	a.AddSideFlags(cmd.Flags(), "SRC", "DST")
	return cmd
}

type copyOptions struct {
	src, dst  string
	referrers bool
	platform  string
	allTags   bool
	tags      []string
}

func runCopy(ctx context.Context, a *app.App, opts copyOptions) error {
	from, to, err := opts.references()
	if err != nil {
		return err
	}
	if err := a.AssignBoth(from, to); err != nil {
		return err
	}
	src, err := a.OpenSide(ctx, &a.Logins.From, from, registry.Read)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := a.OpenSide(ctx, &a.Logins.To, to, registry.Write)
	if err != nil {
		return err
	}
	result, err := copyBetween(ctx, a, src, dst, opts)
	if layout, ok := dst.Target.(*registry.Layout); ok && err != nil {
		layout.Keep()
	}
	if err := dst.Finish(ctx, err); err != nil {
		return err
	}
	return a.Print(result)
}

// references parses both sides and what the flags want of them.
func (o copyOptions) references() (src, dst registry.Reference, err error) {
	if src, err = registry.Parse(o.src); err != nil {
		return src, dst, err
	}
	if dst, err = registry.Parse(o.dst); err != nil {
		return src, dst, err
	}
	switch {
	case dst.Digest != "":
		err = &exit.UsageError{Err: fmt.Errorf("the target %q names a digest", o.dst), Hint: "the digest is that of the source: name a tag, or none"}
	case o.allTags && (src.Reference() != "" || dst.Tag != "" || o.platform != ""):
		err = &exit.UsageError{Err: errors.New("--all-tags copies every tag: name none, and no platform")}
	default:
		err = app.CheckTags(o.tags)
	}
	return src, dst, err
}

func copyBetween(ctx context.Context, a *app.App, src, dst *app.Target, opts copyOptions) (*copyResult, error) {
	progress, stop := a.StartProgress()
	defer stop()
	c := newCopier(src, dst, progress, a.Registry.Concurrency)
	if opts.allTags {
		return c.allTags(ctx, opts)
	}
	desc, err := src.Find(ctx)
	if err != nil {
		return nil, err
	}
	if opts.platform != "" {
		if desc, err = platformOf(ctx, src, desc, opts.platform); err != nil {
			return nil, err
		}
	}
	if dst.Ref.Tag == "" {
		dst.Ref.Tag = src.Ref.Tag
	}
	return c.copy(ctx, desc, opts, app.UniqueTags(dst.Ref.Tag, opts.tags))
}

// platformOf chooses a manifest from an index.
func platformOf(ctx context.Context, src *app.Target, desc ocispec.Descriptor, platform string) (ocispec.Descriptor, error) {
	want, err := app.ParsePlatform(platform)
	if err != nil {
		return desc, err
	}
	manifests, err := pack.Platforms(ctx, src, desc)
	if err != nil {
		return desc, err
	}
	entry, err := manifest.Select(manifests, want)
	var missing *manifest.PlatformError
	if errors.As(err, &missing) {
		return desc, &exit.MissingError{
			Text:   fmt.Sprintf("%s: no manifest for the platform %s", src.Ref, platform),
			Advice: "it has " + strings.Join(missing.Have, ", "),
		}
	}
	return entry, err
}

// copyResult is the result of copy.
type copyResult struct {
	Reference    string               `json:"reference"`
	Source       string               `json:"source"`
	Digest       digest.Digest        `json:"digest"`
	MediaType    string               `json:"mediaType"`
	ArtifactType string               `json:"artifactType,omitempty"`
	Size         int64                `json:"size"`
	Tags         []string             `json:"tags,omitempty"`
	Referrers    []ocispec.Descriptor `json:"referrers,omitempty"`
	Copied       []*copyResult        `json:"copied,omitempty"` // of --all-tags: one for each tag; the fields above are the last one's
	Skipped      bool                 `json:"skipped"`          // everything was there already
}

func (r *copyResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, one := range r.each() {
		verb := "copied"
		if one.Skipped {
			verb = "unchanged"
		}
		t.Row(verb, one.Reference)
		t.Row("digest", one.Digest.String())
		t.Field("tags", strings.Join(one.Tags, ", "))
		for _, ref := range one.Referrers {
			t.Row("referrer", ref.Digest.String()+"  "+results.KindName(ref))
		}
	}
	return t.WriteText(w)
}

func (r *copyResult) each() []*copyResult {
	if len(r.Copied) > 0 {
		return r.Copied
	}
	return []*copyResult{r}
}

func (r *copyResult) QuietLine() string {
	var lines []string
	for _, one := range r.each() {
		lines = append(lines, results.Pinned(one.Reference, one.Digest.String()))
	}
	return strings.Join(lines, "\n")
}

// copier copies graphs from one target to another.
type copier struct {
	src, dst *app.Target
	graph    oras.CopyGraphOptions
	to       *copyTarget
}

func newCopier(src, dst *app.Target, progress artifact.Progress, concurrency int) *copier {
	c := &copier{src: src, dst: dst, to: &copyTarget{Target: dst.Target, src: src.Target, progress: progress}}
	c.graph.Concurrency = concurrency
	c.graph.OnCopySkipped = func(_ context.Context, desc ocispec.Descriptor) error {
		c.to.report(artifact.Skipped, desc, desc.Size)
		return nil
	}
	c.graph.OnMounted = func(_ context.Context, desc ocispec.Descriptor) error {
		c.to.report(artifact.Mounted, desc, desc.Size)
		return nil
	}
	if _, able := dst.Target.(orasregistry.Mounter); able && src.Ref.Registry == dst.Ref.Registry {
		c.graph.MountFrom = func(context.Context, ocispec.Descriptor) ([]string, error) {
			return []string{src.Ref.Repository}, nil
		}
	}
	return c
}

// copy copies one graph and tags it.
func (c *copier) copy(ctx context.Context, desc ocispec.Descriptor, opts copyOptions, tags []string) (*copyResult, error) {
	r := &copyResult{
		Reference: withTag(c.dst.Ref, tags, desc), Source: app.WithDigest(c.src.Ref, desc),
		Digest: desc.Digest, MediaType: desc.MediaType, ArtifactType: desc.ArtifactType, Size: desc.Size, Tags: tags,
	}
	before := c.to.sent.Load()
	if err := oras.CopyGraph(ctx, lazySource{c.src.Target}, c.to, desc, c.graph); err != nil {
		return nil, bareCopyError(err)
	}
	if opts.referrers {
		var err error
		if r.Referrers, err = c.referrers(ctx, desc); err != nil {
			return nil, err
		}
	}
	moved, err := c.tag(ctx, desc, tags)
	if err != nil {
		return nil, err
	}
	r.Skipped = !moved && c.to.sent.Load() == before
	return r, nil
}

// withTag is the reference of the copy: by its first tag, or by its digest when it has none.
func withTag(ref registry.Reference, tags []string, desc ocispec.Descriptor) string {
	if len(tags) == 0 {
		return app.WithDigest(ref, desc)
	}
	ref.Tag = tags[0]
	return ref.String()
}

// tag moves the tags that do not lead to desc yet, and reports whether there were any.
func (c *copier) tag(ctx context.Context, desc ocispec.Descriptor, tags []string) (moved bool, err error) {
	for _, tag := range tags {
		if old, err := c.dst.Resolve(ctx, tag); err == nil && old.Digest == desc.Digest {
			continue
		}
		if err := c.dst.Tag(ctx, desc, tag); err != nil {
			return false, err
		}
		moved = true
	}
	return moved, nil
}

// allTags copies every tag of the source.
func (c *copier) allTags(ctx context.Context, opts copyOptions) (*copyResult, error) {
	tags, err := c.src.ListAllTags(ctx)
	if err != nil {
		return nil, err
	}
	tags = slices.DeleteFunc(tags, manifest.IsReferrersTag)
	if len(tags) == 0 {
		return nil, &exit.MissingError{Text: fmt.Sprintf("%s has no tags", c.src.Ref)}
	}
	var all []*copyResult
	for _, tag := range tags {
		src := &app.Target{Target: c.src.Target, Ref: c.src.Ref}
		src.Ref.Tag = tag
		desc, err := src.Find(ctx)
		if err != nil {
			return nil, err
		}
		one, err := c.copy(ctx, desc, opts, app.UniqueTags(tag, opts.tags))
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	r := *all[len(all)-1]
	r.Copied = all
	return &r, nil
}

// maxGraph bounds how many referrers are followed: an endless chain of them is no use, only an attack.
const maxGraph = 10_000

// referrers copies what refers to a manifest or to those inside it, and so on, and what cosign keeps for these.
func (c *copier) referrers(ctx context.Context, root ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	type node struct {
		ocispec.Descriptor
		own bool // the root, or inside it
	}
	var all []ocispec.Descriptor
	seen := map[digest.Digest]bool{root.Digest: true}
	queue := []node{{root, true}}
	for ; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		inner, found, err := c.neighbours(ctx, n.Descriptor)
		if err != nil {
			return nil, err
		}
		for _, desc := range inner {
			if !seen[desc.Digest] {
				seen[desc.Digest] = true
				queue = append(queue, node{desc, n.own})
			}
		}
		for _, desc := range found {
			if seen[desc.Digest] {
				continue
			}
			if err := oras.CopyGraph(ctx, lazySource{c.src.Target}, c.to, desc, c.graph); err != nil {
				return nil, bareCopyError(err)
			}
			seen[desc.Digest] = true
			all, queue = append(all, desc), append(queue, node{desc, false})
		}
		if n.own {
			tagged, err := c.tagged(ctx, n.Descriptor)
			if err != nil {
				return nil, err
			}
			all = append(all, tagged...)
		}
		if len(seen) > maxGraph {
			return nil, artifact.Refused(root.Digest.String(), "more than %d manifests hang together with it", maxGraph)
		}
	}
	return all, nil
}

// tagged copies what cosign keeps for a manifest under tags of its own, with these tags.
func (c *copier) tagged(ctx context.Context, subject ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	found, err := referrers.Tagged(ctx, c.src, subject)
	if err != nil {
		return nil, err
	}
	var all []ocispec.Descriptor
	for _, r := range found {
		desc := r.Descriptor()
		if err := oras.CopyGraph(ctx, lazySource{c.src.Target}, c.to, desc, c.graph); err != nil {
			return nil, bareCopyError(err)
		}
		if _, err := c.tag(ctx, desc, []string{r.Tag}); err != nil {
			return nil, err
		}
		all = append(all, desc)
	}
	return all, nil
}

// neighbours are the manifests inside an index, and what refers to it.
func (c *copier) neighbours(ctx context.Context, desc ocispec.Descriptor) (inner, referrers []ocispec.Descriptor, err error) {
	successors, err := content.Successors(ctx, c.src, desc)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range successors {
		if manifest.Is(s.MediaType) {
			inner = append(inner, s)
		}
	}
	referrers, err = orasregistry.Referrers(ctx, c.src, desc, "")
	return inner, referrers, err
}

// bareCopyError drops what oras says about the copying: the cause names what it is about.
func bareCopyError(err error) error {
	var copyErr *oras.CopyError
	if errors.As(err, &copyErr) {
		return copyErr.Err
	}
	return err
}
