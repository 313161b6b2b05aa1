package look

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newInspectCommand(a *app.App) *cobra.Command {
	var opts inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect TARGET",
		Short: "Show the kind, config, layers, platforms, and referrers of an artifact or image",
		Long: `Show an artifact by its manifests and configs. Layers are not fetched, except for the header
of a file of model weights that the config does not describe. --manifest and --config print
those bytes unchanged. --tensors lists the names, types, and shapes of the tensors of a model; only
the headers of its weights are fetched, in parts.`,
		Example: `  davit inspect registry.example.com/models/tiny:1.0
  davit inspect ./oci --format json
  davit inspect registry.example.com/models/tiny:1.0 --tensors
  davit inspect registry.example.com/app:1.0 --platform linux/arm64 --config`,
		GroupID:     app.GroupLook,
		Args:        app.Arguments(1, 1),
		Annotations: map[string]string{"formats": "tree", app.Surplus: "show"},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = args[0]
			return runInspect(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.manifest, "manifest", false, "print the manifest's bytes")
	cmd.Flags().BoolVar(&opts.config, "config", false, "print the config's bytes")
	cmd.Flags().BoolVar(&opts.Tensors, "tensors", false, "list the tensors of model weights")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "choose the manifest of an index for `OS/ARCH[/VARIANT]`")
	cmd.Flags().BoolVar(&opts.Tags, "tags", false, "also list cosign's tags like sha256-….sig")
	opts.trust.AddMarkFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type inspectOptions struct {
	inspect.Options
	target           string
	manifest, config bool
	platform         string
	trust            signing.Trust
}

func runInspect(ctx context.Context, a *app.App, opts inspectOptions) error {
	if opts.manifest && opts.config {
		return &exit.UsageError{Err: errors.New("--manifest and --config exclude each other")}
	}
	var err error
	if opts.Platform, err = app.OptionalPlatform(opts.platform); err != nil {
		return err
	}
	opts.Shallow = opts.manifest
	opts.Referrers = !opts.manifest && !opts.config
	opts.Weights = opts.Referrers
	var signatures []trust.Signature
	info, err := app.With(ctx, a, opts.target, registry.Read, func(t *app.Target) (*inspect.Info, error) {
		info, err := inspectIn(ctx, t, opts.Options)
		if err == nil && opts.Referrers {
			signatures, err = opts.trust.List(ctx, t, info.Descriptor(), info.Referrers, nil)
		}
		return info, err
	})
	if err != nil {
		return err
	}
	a.NotePlatform(info.Reference, opts.Platform, info.Platform)
	switch {
	case opts.manifest:
		return a.WriteRaw(info.Raw)
	case opts.config && info.Config == nil:
		return &exit.UsageError{Err: fmt.Errorf("%s is an index: it has no config", info.Reference), Hint: "choose a manifest with --platform"}
	case opts.config && info.Config.Raw == nil:
		return fmt.Errorf("%s: config too large: %s, limit is %s", info.Reference, term.Size(info.Config.Size), term.Size(manifest.MaxSize))
	case opts.config:
		return a.WriteRaw(info.Config.Raw)
	}
	return a.Print(inspectResult{info, signatures})
}

// inspectIn completes the reference of a target, and inspects the artifact.
func inspectIn(ctx context.Context, t *app.Target, opts inspect.Options) (*inspect.Info, error) {
	if err := t.Complete(ctx); err != nil {
		return nil, err
	}
	info, err := inspect.Inspect(ctx, t.Target, t.Ref.Reference(), opts)
	if err != nil {
		return nil, t.Explain(ctx, err)
	}
	info.Reference = t.Ref.String()
	return info, nil
}

// inspectResult is the result of inspect.
type inspectResult struct {
	*inspect.Info
	Signatures []trust.Signature `json:"signatures,omitempty"` // only with --verify-key
}

// WriteText prints the artifact as a tree.
func (r inspectResult) WriteText(w io.Writer) error {
	return describe(results.NewView(w, r.Signatures), r.Info, r.Reference).WriteText(w)
}

// describe draws one manifest or index.
func describe(view results.View, info *inspect.Info, name string) *term.Tree {
	what := cmp.Or(info.Kind, info.ArtifactType, info.MediaType) // one cell with the size, so that lines below get no column for it
	if info.TotalSize > 0 {
		what += "  " + term.Size(info.TotalSize)
	}
	t := term.NewTree(name, what)
	t.Add("digest", info.Digest.String())
	if info.ArtifactType != "" {
		t.Add("type", info.ArtifactType)
	}
	if info.Subject != nil {
		t.Add("subject", info.Subject.Digest.String())
	}
	addAnnotations(t, info.Annotations)
	addConfig(t, info.Config)
	if len(info.Layers) > 0 {
		addLayers(t.Add("layers"), info.Layers)
	}
	for _, m := range info.Manifests {
		name := manifest.FormatPlatform(m.Platform)
		if m.Platform == nil {
			name = cmp.Or(term.Shorten(m.Annotations[ocispec.AnnotationTitle], maxShown), name)
		}
		t.Attach(describe(view, m, name))
	}
	addAttestations(t, info.Attestations)
	if len(info.Referrers) > 0 {
		view.AddReferrers(t.Add("referrers"), info.Referrers)
	}
	if info.Unlisted != "" {
		t.Add("referrers", "unknown: "+info.Unlisted)
	}
	return t
}

// addAttestations draws the attestations that BuildKit stored in the index about a manifest, by predicate type.
func addAttestations(t *term.Tree, attestations []*inspect.Info) {
	for _, m := range attestations {
		list := t.Add("attestation", m.Digest.String())
		for _, l := range m.Layers {
			predicate := l.Annotations[mediatypes.PredicateType]
			list.Add(cmp.Or(strings.TrimPrefix(predicate, "https://"), l.Name, l.MediaType), term.Size(l.Size), l.Digest.String())
		}
	}
}

func addAnnotations(t *term.Tree, annotations map[string]string) {
	if len(annotations) == 0 {
		return
	}
	list := t.Add("annotations")
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		list.Add(key, term.Shorten(annotations[key], maxShown))
	}
}

// addLayers draws layers, with the headers and tensors of model weights that were read.
func addLayers(t *term.Tree, layers []inspect.Layer) {
	for _, l := range layers {
		line := t.Add(cmp.Or(l.Name, l.Role, l.MediaType), term.Size(l.Size), l.Digest.String(), l.MediaType)
		if l.Weights != nil {
			addWeights(line, l.Weights)
		}
		for _, tensor := range l.Tensors {
			line.Add(term.Shorten(tensor.Name, maxShown), tensor.Type, formatShape(tensor.Shape))
		}
	}
}

// addWeights draws the header of a file of model weights, without the fields of the tokenizer.
func addWeights(t *term.Tree, w *inspect.WeightsHead) {
	add := func(name, value string) {
		if value != "" && value != "0" && t.Len() < maxFields {
			t.Add(name, term.Shorten(value, maxShown))
		}
	}
	add("format", w.Format)
	add("tensors", strconv.FormatInt(w.Tensors, 10))
	add("parameters", w.Parameters)
	add("quantization", w.Quantization)
	for _, key := range slices.Sorted(maps.Keys(w.Metadata)) {
		if !strings.HasPrefix(key, "tokenizer.") {
			add(key, w.Metadata[key])
		}
	}
}

// formatShape formats a shape as [4096 × 128].
func formatShape(shape []int64) string { return strings.ReplaceAll(fmt.Sprint(shape), " ", " × ") }

const (
	// maxShown is the maximum number of characters of a value that are shown.
	maxShown = 120
	// maxFields is the maximum number of fields of a config or header that are shown, and of steps of a history.
	maxFields = 24
)
