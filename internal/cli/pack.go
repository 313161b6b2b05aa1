package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
)

func newPackCommand(a *app) *cobra.Command {
	var opts packOptions
	cmd := &cobra.Command{
		Use:   "pack [SOURCE...]",
		Short: "Packs files into an image layout on disk, no registry needed",
		Long: `Packs a source into an OCI image layout, or a .tar archive of one, and prints the digest.

A SOURCE is a directory with a davit.yaml (default: this one), a davit.yaml, "-" for a
davit.yaml on standard input, or plain files and directories: their kind is found out.
Without a tag in --output the artifact is tagged with its version, else "latest".`,
		Example: `  davit pack
  davit pack model.gguf -o ./oci:tiny
  davit pack ./docs -o docs.tar
  davit pack --dry-run`,
		GroupID: groupMove,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.sources = args
			return a.pack(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringVarP(&opts.output, "output", "o", "./oci", "layout or .tar archive to pack into, `PATH[:TAG]`")
	cmd.Flags().StringSliceVar(&opts.tags, "tag", nil, "one more `TAG` (repeatable)")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "write nothing, print the manifest")
	addSourceFlags(cmd.Flags(), &opts.source)
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

type packOptions struct {
	sources []string
	source  sourceOptions
	output  string
	tags    []string
	dryRun  bool
}

func (a *app) pack(ctx context.Context, opts packOptions) error {
	output := localPath(opts.output)
	target, err := registry.Parse(output)
	if err != nil {
		return err
	}
	opts.source.target = target
	s, err := a.openSource(opts.sources, &opts.source)
	if err != nil {
		return err
	}
	defer s.close()
	a.tell(s.plan)
	if opts.dryRun {
		return a.printManifest(ctx, s, output)
	}
	return a.send(ctx, s, sendOptions{target: output, tags: opts.tags, verb: "packed"})
}

// printManifest packs without writing and prints the manifest's bytes as they would be.
func (a *app) printManifest(ctx context.Context, s *source, output string) error {
	d, err := a.destination(ctx, s, output, nil, registry.Read)
	if err != nil {
		return err
	}
	defer d.done()
	packed, err := pack.Artifact(ctx, s.fsys, s.plan, d.opts.Options)
	if err != nil {
		return err
	}
	return a.writeOut(packed.Manifest())
}

// sendResult is what pack, push and attach print.
type sendResult struct {
	*pack.Result
	verb string // "packed", "pushed", "attached"
}

func (r sendResult) WriteText(w io.Writer) error {
	var t term.Table
	verb := r.verb
	if r.Skipped {
		verb = "unchanged"
	}
	t.Row(verb, r.Reference)
	t.Field("digest", r.Digest.String())
	t.Field("kind", r.Kind)
	if r.Subject != nil {
		t.Field("subject", r.Subject.Digest.String())
	}
	t.Field("tags", strings.Join(r.Tags, ", "))
	t.Field("layers", sizes(r.Layers))
	for _, m := range r.Manifests {
		key, name := "platform", manifest.FormatPlatform(m.Platform)+"  "
		if manifest.IsAttestation(m) {
			key, name = "attestation", ""
		}
		t.Row(key, name+m.Digest.String())
	}
	for _, ref := range r.Referrers {
		t.Row("referrer", ref.Digest.String()+"  "+ref.Kind)
	}
	return t.WriteText(w)
}

func (r sendResult) QuietLine() string { return quietReference(r.Reference, r.Digest.String()) }

// quietReference is REFERENCE@DIGEST.
func quietReference(reference, digest string) string {
	if strings.HasSuffix(reference, "@"+digest) {
		return reference
	}
	return reference + "@" + digest
}

// sizes says how many layers there are and how large they are together.
func sizes(layers []ocispec.Descriptor) string {
	if len(layers) == 0 {
		return ""
	}
	var sum int64
	for _, l := range layers {
		sum += l.Size
	}
	return term.Plural(len(layers), "layer") + ", " + term.Size(sum)
}

// kindName is the kind that a descriptor shows by its type and annotations; empty when it shows none.
func kindName(desc ocispec.Descriptor) string {
	kind, ok := mediatypes.Recognise(mediatypes.Traits{ArtifactType: desc.ArtifactType, Annotations: desc.Annotations})
	if !ok {
		return ""
	}
	return kind.Name
}

// sendOptions say where a source goes.
type sendOptions struct {
	target string
	tags   []string
	verb   string
}

// send packs a source into a target of any kind: pack and push are the same but for where they go.
func (a *app) send(ctx context.Context, s *source, opts sendOptions) error {
	d, err := a.destination(ctx, s, opts.target, opts.tags, registry.Write)
	if err != nil {
		return err
	}
	progress, stop := a.startProgress()
	d.opts.Progress = progress
	result, err := pack.Push(ctx, s.fsys, s.plan, d.dst, d.opts)
	stop()
	d.release()
	if err := d.target.close(ctx, err); err != nil {
		return err
	}
	result.Reference = d.ref.String()
	return a.print(sendResult{result, opts.verb})
}

// destination is where a source goes, and how: what a dry run needs as much as a push.
type destination struct {
	ref     registry.Reference
	target  *target // nil if it does not exist, and is only read
	dst     oras.Target
	opts    pack.PushOptions
	release func() // what the options refer to
}

// done closes a destination that was only read.
func (d *destination) done() {
	d.release()
	if d.target != nil {
		d.target.Close()
	}
}

// destination opens the target of a source, and decides how the source is packed. To read, a path need not exist.
func (a *app) destination(ctx context.Context, s *source, text string, tags []string, mode registry.Mode) (*destination, error) {
	ref, err := targetReference(text, s)
	if err != nil {
		return nil, err
	}
	if err := validTags(tags); err != nil {
		return nil, err
	}
	d := &destination{ref: ref}
	t, err := a.openReference(ctx, ref, mode)
	switch {
	case err == nil:
		d.target, d.dst = t, t.Target
	case mode == registry.Read && ref.IsPath() && errors.Is(err, errdef.ErrNotFound) && s.plan.Subject == "":
		d.dst = memory.New()
	default:
		return nil, err
	}
	opts, release, err := a.packOptions(ctx, s)
	if err == nil && d.target != nil {
		if opts.Subject, err = s.subject(ctx, d.target); err != nil {
			release()
		}
	}
	if err != nil {
		if d.target == nil {
			return nil, err
		}
		return nil, d.target.close(ctx, err)
	}
	opts.Digests = a.digests()
	d.opts, d.release = pack.PushOptions{Options: opts, Tags: append([]string{ref.Tag}, tags...)}, release
	return d, nil
}

// subject finds what the declaration says this artifact refers to. It has to be where the artifact goes: referrers are
// listed by the repository that has them.
func (s *source) subject(ctx context.Context, t *target) (*ocispec.Descriptor, error) {
	if s.plan.Subject == "" {
		return nil, nil
	}
	ref, err := s.reference(s.plan.Subject)
	if err != nil {
		return nil, err
	}
	if !samePlace(ref, t.ref) {
		return nil, &usageError{
			err:  fmt.Errorf("the subject %s is not in %s", s.plan.Subject, t.ref.Name()),
			hint: "push to " + ref.Name() + ", where its subject is",
		}
	}
	subject := &target{Target: t.Target, ref: ref}
	desc, err := subject.resolve(ctx)
	if err != nil {
		return nil, err
	}
	return &desc, nil
}

// samePlace reports whether two references are in the same repository or at the same path.
func samePlace(a, b registry.Reference) bool {
	if a.IsPath() && b.IsPath() {
		return filepath.Clean(a.Path) == filepath.Clean(b.Path)
	}
	return a.Name() == b.Name()
}

// targetReference parses where an artifact goes, and completes it with a tag.
func targetReference(text string, s *source) (registry.Reference, error) {
	ref, err := registry.Parse(text)
	if err != nil {
		return ref, err
	}
	if ref.Digest != "" {
		return ref, &usageError{err: fmt.Errorf("the target %q names a digest", text), hint: "the digest results from the content: name a tag, or none"}
	}
	if ref.Tag == "" && s.plan.Subject == "" {
		ref.Tag = s.tagFor()
	}
	return ref, nil
}
