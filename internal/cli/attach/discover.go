package attach

import (
	"cmp"
	"context"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/davit-oci/davit/pull/trust"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
)

func newDiscoverCommand(a *app.App) *cobra.Command {
	var opts discoverOptions
	cmd := &cobra.Command{
		Use:   "discover SUBJECT",
		Short: "Show the attachments of an artifact or image as a tree",
		Example: `  davit discover registry.example.com/app:1.0
  davit discover ./oci:1.0 --kind sbom --latest
  davit discover registry.example.com/app:1.0 --format '{{range .referrers}}{{.digest}}{{"\n"}}{{end}}'`,
		GroupID:     app.GroupAttach,
		Args:        app.Arguments(1, 1),
		Annotations: map[string]string{"formats": "tree"},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.subject = args[0]
			return runDiscover(cmd.Context(), a, opts)
		},
	}
	results.AddKinds(cmd.Flags(), &opts.Kind, "list attachments of this `KIND` (or artifactType; repeatable)")
	cmd.Flags().BoolVar(&opts.latest, "latest", false, "list only the newest of each kind (attestations: of each predicate type)")
	cmd.Flags().BoolVar(&opts.Tags, "tags", false, "also list cosign's tags like sha256-….sig in registries with a referrers API; elsewhere they are listed anyway")
	opts.trust.AddMarkFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type discoverOptions struct {
	referrers.Options
	subject string
	latest  bool
	trust   signing.Trust
}

func runDiscover(ctx context.Context, a *app.App, opts discoverOptions) error {
	if err := results.CheckReferrerKinds(opts.Kind); err != nil {
		return err
	}
	result, err := app.With(ctx, a, opts.subject, registry.Read, func(t *app.Target) (*discoverResult, error) {
		found, err := discoverIn(ctx, t, opts)
		if err == nil && a.Format.String() == "text" && !a.Quiet {
			found.files = tellApart(ctx, t.Target, found)
		}
		return found, err
	})
	if err != nil {
		return err
	}
	for _, note := range result.notes {
		a.Note("%s", note)
	}
	return a.Print(result)
}

// discoverIn lists the referrers of a target, recursively, and those of the manifests of an index.
func discoverIn(ctx context.Context, t *app.Target, opts discoverOptions) (*discoverResult, error) {
	desc, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	opts.Recursive, opts.FreeTags = true, true
	opts.Tags = opts.Tags || opts.trust.IsSet() // a signature made with the key may be stored under a tag
	found, err := referrers.List(ctx, t.Target, desc, opts.Options)
	if err != nil {
		return nil, err
	}
	manifests, err := referrers.ListPlatforms(ctx, t.Target, desc, opts.Options)
	if err != nil {
		return nil, err
	}
	var notes []string
	if opts.latest {
		found, notes = results.KeepLatest(found, "listed")
		for _, m := range manifests {
			var more []string
			m.Referrers, more = results.KeepLatest(m.Referrers, "listed")
			notes = append(notes, more...)
		}
	}
	if found == nil {
		found = []*referrers.Referrer{}
	}
	setReferences(t.Ref, found)
	for _, m := range manifests {
		setReferences(t.Ref, m.Referrers)
	}
	signatures, err := opts.trust.List(ctx, t, desc, found, manifests)
	if err != nil {
		return nil, err
	}
	none := "nothing"
	if opts.Kind != "" {
		none = "no " + results.ListKinds(opts.Kind)
	}
	r := &discoverResult{Subject: results.Describe(t.Ref, desc), Referrers: found, Manifests: manifests, Signatures: signatures, none: none, notes: notes}
	if len(found)+len(manifests) == 0 {
		r.notes = lists.Unique([]string{results.AdviseIndex(ctx, t.Target, t.Ref, opts.Kind)})
	}
	return r, nil
}

// setReferences sets the references of referrers and, recursively, of their own referrers.
func setReferences(ref registry.Reference, all []*referrers.Referrer) {
	for _, r := range all {
		ref.Tag, ref.Digest = "", r.Digest
		r.Reference = ref.String()
		setReferences(ref, r.Referrers)
	}
}

// discoverResult is the result of discover.
type discoverResult struct {
	Subject   results.Described       `json:"subject"`
	Referrers []*referrers.Referrer   `json:"referrers"`
	Manifests []*referrers.AttachedTo `json:"manifests,omitempty"` // the manifests of an index that have referrers

	Signatures []trust.Signature `json:"signatures,omitempty"` // if a key was given to check them

	files map[digest.Digest]string // names of files that tell attachments apart

	none  string   // "nothing", or "no" and the requested kind
	notes []string // those of --latest or, if nothing is attached, a hint at attachments of the index
}

// WriteText prints the subject and its referrers as a tree.
func (r *discoverResult) WriteText(w io.Writer) error {
	name := []string{r.Subject.Reference}
	if !strings.HasSuffix(r.Subject.Reference, "@"+r.Subject.Digest.String()) {
		name = append(name, term.Digest(w, r.Subject.Digest))
	}
	root := term.NewTree(name...)
	view := results.NewView(w, r.Signatures)
	view.Files = r.files
	view.AddReferrers(root, r.Referrers)
	for _, m := range r.Manifests {
		of := root.Add(cmp.Or(manifest.FormatPlatform(m.Platform), "manifest"), term.Digest(w, m.Digest))
		view.AddReferrers(of, m.Referrers)
	}
	if len(r.Referrers)+len(r.Manifests) == 0 {
		root.Add(r.none + " is attached")
	}
	return root.WriteText(w)
}
