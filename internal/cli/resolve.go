package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newResolveCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "resolve TARGET",
		Short:   "Prints the digest that a tag leads to",
		Example: "  davit resolve registry.example.com/app:1.0\n  davit resolve ./oci",
		GroupID: groupRegistry,
		Args:    arguments(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.resolve(cmd.Context(), args[0]) },
	}
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

func (a *app) resolve(ctx context.Context, reference string) error {
	t, err := a.open(ctx, reference, registry.Read)
	if err != nil {
		return err
	}
	desc, err := t.resolve(ctx)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	return a.print(newResolveResult(t.ref, desc))
}

// resolveResult is what resolve prints.
type resolveResult struct {
	Reference    string        `json:"reference"`
	Digest       digest.Digest `json:"digest"`
	MediaType    string        `json:"mediaType"`
	ArtifactType string        `json:"artifactType,omitempty"`
	Size         int64         `json:"size"`
}

func newResolveResult(ref registry.Reference, desc ocispec.Descriptor) resolveResult {
	return resolveResult{ref.String(), desc.Digest, desc.MediaType, desc.ArtifactType, desc.Size}
}

func (r resolveResult) WriteText(w io.Writer) error {
	_, err := fmt.Fprintln(w, r.Digest)
	return err
}

func newTagCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tag TARGET TAG...",
		Short:   "Gives an artifact more tags",
		Example: "  davit tag registry.example.com/app:1.0 latest stable\n  davit tag ./oci@sha256:87ba42d7831ceb3169e2afa45a3cbe1f60c879ca903db0d97b959029df1134f0 v1",
		GroupID: groupRegistry,
		Args:    arguments(2, -1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.tag(cmd.Context(), args[0], args[1:]) },
	}
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

func (a *app) tag(ctx context.Context, reference string, tags []string) error {
	if err := validTags(tags); err != nil {
		return err
	}
	t, err := a.open(ctx, reference, registry.Write)
	if err != nil {
		return err
	}
	result, err := t.addTags(ctx, tags)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	return a.print(result)
}

// addTags moves tags that do not lead to the manifest yet.
func (t *target) addTags(ctx context.Context, tags []string) (*tagResult, error) {
	desc, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	r := &tagResult{resolveResult: newResolveResult(t.ref, desc), Skipped: true}
	for _, tag := range tags {
		r.Tags = append(r.Tags, tag)
		if old, err := t.Resolve(ctx, tag); err == nil && old.Digest == desc.Digest {
			continue
		}
		if err := t.Tag(ctx, desc, tag); err != nil {
			return nil, err
		}
		r.Skipped = false
	}
	return r, nil
}

// tagResult is what tag prints.
type tagResult struct {
	resolveResult
	Tags    []string `json:"tags"`
	Skipped bool     `json:"skipped"` // all of them led there already
}

func (r tagResult) WriteText(w io.Writer) error {
	var t term.Table
	verb := "tagged"
	if r.Skipped {
		verb = "unchanged"
	}
	t.Row(verb, r.Reference)
	t.Row("digest", r.Digest.String())
	t.Row("tags", strings.Join(r.Tags, ", "))
	return t.WriteText(w)
}

func newTagsCommand(a *app) *cobra.Command {
	var opts tagsOptions
	cmd := &cobra.Command{
		Use:   "tags REPO",
		Short: "Lists the tags of a repository, layout or archive",
		Example: `  davit tags registry.example.com/app
  davit tags registry.example.com/app --filter '1.*' --sort version --limit 5
  davit tags ./oci`,
		GroupID: groupRegistry,
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.repository = args[0]
			return a.tags(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringVar(&opts.filter, "filter", "", "those that match `GLOB`")
	cmd.Flags().StringVar(&opts.sort, "sort", "name", "name, or version with the newest first")
	cmd.Flags().BoolVar(&opts.all, "all", false, "also the tags that only hold lists of referrers, or what cosign signed")
	cmd.Flags().IntVar(&opts.limit, "limit", 0, "at most `N` of them")
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

type tagsOptions struct {
	repository string
	filter     string
	sort       string
	limit      int
	all        bool
}

func (a *app) tags(ctx context.Context, opts tagsOptions) error {
	if _, err := path.Match(opts.filter, ""); err != nil {
		return &usageError{err: fmt.Errorf("--filter %q: %w", opts.filter, err)}
	}
	if opts.sort != "name" && opts.sort != "version" {
		return &usageError{err: fmt.Errorf("--sort %q: want name or version", opts.sort)}
	}
	t, err := a.open(ctx, opts.repository, registry.Read)
	if err != nil {
		return err
	}
	list := listTags
	if opts.all {
		list = listAllTags
	}
	tags, err := list(ctx, t)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	return a.print(tagsResult{t.ref.Name(), opts.choose(tags)})
}

// choose filters, sorts and cuts.
func (o tagsOptions) choose(tags []string) []string {
	chosen := []string{}
	for _, tag := range tags {
		if ok, _ := path.Match(o.filter, tag); ok || o.filter == "" {
			chosen = append(chosen, tag)
		}
	}
	if o.sort == "version" {
		slices.SortStableFunc(chosen, func(a, b string) int { return compareVersions(b, a) })
	}
	if o.limit > 0 && len(chosen) > o.limit {
		chosen = chosen[:o.limit]
	}
	return chosen
}

// tagsResult is what tags prints.
type tagsResult struct {
	Reference string   `json:"reference"`
	Tags      []string `json:"tags"`
}

func (r tagsResult) WriteText(w io.Writer) error {
	for _, tag := range r.Tags {
		if _, err := fmt.Fprintln(w, term.Escape(tag)); err != nil {
			return err
		}
	}
	return nil
}

// compareVersions orders tags as versions: numbers by value, a pre-release before its release, and what is no version
// before all that are.
func compareVersions(a, b string) int {
	aCore, aPre, _ := strings.Cut(strings.TrimPrefix(a, "v"), "-")
	bCore, bPre, _ := strings.Cut(strings.TrimPrefix(b, "v"), "-")
	if c := cmp.Compare(rank(aCore), rank(bCore)); c != 0 {
		return c
	}
	if c := compareParts(aCore, bCore); c != 0 {
		return c
	}
	switch {
	case aPre == bPre:
		return 0
	case aPre == "":
		return 1
	case bPre == "":
		return -1
	}
	return compareParts(aPre, bPre)
}

// rank is 1 for what begins with a number.
func rank(version string) int {
	if version != "" && version[0] >= '0' && version[0] <= '9' {
		return 1
	}
	return 0
}

func compareParts(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		m, errA := strconv.ParseUint(a, 10, 64)
		n, errB := strconv.ParseUint(b, 10, 64)
		switch {
		case errA == nil && errB == nil:
			return cmp.Compare(m, n)
		case errA == nil:
			return -1
		case errB == nil:
			return 1
		}
		return strings.Compare(a, b)
	})
}
