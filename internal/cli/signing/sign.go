package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/dry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
)

func newSignCommand(a *app.App) *cobra.Command {
	var opts signOptions
	cmd := &cobra.Command{
		Use:   "sign TARGET",
		Short: "Sign an artifact or image",
		Long: `Attach a signature to TARGET that "davit verify --key" and "cosign verify --key" accept: a sigstore
bundle, made only with a key, without a network service. The format legacy writes the tag
sha256-....sig that podman, skopeo, and CRI-O read. The same key, artifact, and annotations always make
the same signature: signing twice adds nothing.

The password of an encrypted key is $COSIGN_PASSWORD, or the one you type.`,
		Example: `  davit sign registry.example.com/models/tiny:1.0 --key davit.key
  davit sign registry.example.com/app:1.0 --key davit.key --each-platform --referrers
  davit sign registry.example.com/app:1.0 --key davit.key --signature-format both
  davit sign ./oci:1.0 --key davit.key --annotation stage=production`,
		GroupID:     app.GroupTrust,
		Args:        app.Arguments(1, 1),
		Annotations: map[string]string{app.Surplus: "--key"},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = args[0]
			return runSign(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.key, "key", "", "sign with the private key in this `FILE` (or env://VARIABLE)")
	cmd.Flags().StringArrayVarP(&opts.annotations, "annotation", "a", nil, "also sign the annotation `KEY=VALUE` (repeatable)")
	cmd.Flags().BoolVar(&opts.eachPlatform, "each-platform", false, "also sign the manifest of every platform of an index")
	cmd.Flags().BoolVar(&opts.referrers, "referrers", false, "also sign attachments, such as SBOMs; those of platforms only with --each-platform")
	opts.dryRun.AddFlag(cmd.Flags())
	opts.addFormat(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type signOptions struct {
	Flags
	target       string
	annotations  []string
	eachPlatform bool
	referrers    bool
	dryRun       app.DryRun
}

func runSign(ctx context.Context, a *app.App, opts signOptions) error {
	if opts.key == "" {
		return &exit.UsageError{Err: errors.New("no key to sign with"), Hint: shell.Command("davit", "sign", opts.target) + " --key FILE; \"davit keygen\" makes a pair of keys"}
	}
	annotations, err := source.ParseAnnotations(opts.annotations)
	if err != nil {
		return err
	}
	ref, err := registry.Parse(opts.target)
	if err != nil {
		return err
	}
	with, err := opts.options(ctx, a, ref)
	if err != nil {
		return err
	}
	with.Annotations, with.EachPlatform, with.Referrers = annotations, opts.eachPlatform, opts.referrers
	open := func() (*app.Target, error) { return a.OpenExisting(ctx, ref, registry.Write) }
	if opts.dryRun {
		open = func() (*app.Target, error) { return opts.dryRun.OpenExisting(ctx, a, &app.Login{}, ref) }
	}
	t, err := open()
	if err != nil {
		return err
	}
	r, err := app.Finish(ctx, t, func(t *app.Target) (*signResult, error) {
		desc, err := t.Find(ctx)
		if err != nil {
			return nil, err
		}
		signatures, err := sign.Sign(ctx, t.Target, desc, *with)
		if err != nil {
			return nil, err
		}
		if opts.referrers && !opts.eachPlatform && !a.Quiet && manifest.IsIndex(desc.MediaType) {
			if n := countLeftOut(ctx, t, desc); n > 0 {
				a.Note("left out: %s of the platforms; --each-platform includes them", term.Plural(n, "attachment"))
			}
		}
		return &signResult{app.WithDigest(t.Ref, desc), desc.Digest, signatures, opts.dryRun}, nil
	})
	if err != nil {
		return err
	}
	return a.Print(r)
}

// countLeftOut counts the attachments of the platforms of an index, which sign --referrers leaves out without --each-platform. It takes two
// seconds at most, and returns 0 if it can't read the lists.
func countLeftOut(ctx context.Context, t *app.Target, desc ocispec.Descriptor) (n int) {
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	platforms, err := pack.Platforms(ctx, t.Target, desc)
	for _, p := range platforms {
		var found []ocispec.Descriptor
		if err == nil {
			found, err = fetch.ListReferrers(ctx, t.Target, p, "")
		}
		for _, r := range found {
			if k, _ := kinds.KindOfEntry(r); !kinds.IsSignature(k.Name) {
				n++
			}
		}
	}
	return n
}

// signResult is the result of sign.
type signResult struct {
	Reference  string           `json:"reference"`
	Digest     digest.Digest    `json:"digest"`
	Signatures []sign.Signature `json:"signatures"`
	dryRun     app.DryRun
}

// WriteText prints the target and its signatures.
func (r *signResult) WriteText(w io.Writer) error {
	var t term.Table
	t.Row("target", r.Reference)
	results.AddSignatures(&t, r.Signatures, r.dryRun.Verb("signed", "sign"))
	return t.WriteText(w)
}

// QuietLine returns the pinned reference.
func (r *signResult) QuietLine() string { return r.Reference }

// Flags are the flags of commands that sign the artifacts that they write.
type Flags struct {
	key       string
	format    string
	reference string
}

// AddFlags adds --sign-key, --signature-format, and --reference.
func (f *Flags) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&f.key, "sign-key", "", "sign the result with the private key in this `FILE`, before a tag moves")
	f.addFormat(fs)
}

// addFormat adds the flags about the format of signatures.
func (f *Flags) addFormat(fs *pflag.FlagSet) {
	fs.StringVar(&f.format, "signature-format", "bundle", "store signatures as `FORMAT`: bundle, legacy (podman, skopeo), or both")
	fs.StringVar(&f.reference, "reference", "", "bind a legacy signature to this `REPOSITORY` (default: that of the target; a path has none)")
}

// Signer signs the manifests that a command stores. A nil Signer signs nothing.
type Signer struct {
	with *sign.Options
	mu   sync.Mutex
	made []sign.Signature
	seen map[digest.Digest]bool // the signatures in made
}

// Signer returns the signer for the flags, or nil without --sign-key. The key is read now: a wrong password is an error
// before anything is sent. ref is the target of the command.
func (f *Flags) Signer(ctx context.Context, a *app.App, ref registry.Reference) (*Signer, error) {
	if f.key == "" {
		return nil, nil
	}
	with, err := f.options(ctx, a, ref)
	if err != nil {
		return nil, err
	}
	return &Signer{with: with, seen: map[digest.Digest]bool{}}, nil
}

// In returns the function that signs a manifest in dst. It is nil if the Signer is nil. Inlined, it would add 10 KB to the program.
//
//go:noinline
func (s *Signer) In(dst oras.GraphTarget) func(context.Context, ocispec.Descriptor) error {
	if s == nil {
		return nil
	}
	return func(ctx context.Context, desc ocispec.Descriptor) error {
		made, err := sign.Sign(ctx, dst, desc, *s.with)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, one := range made {
			if !s.seen[one.Digest] { // several tags may have the same manifest
				s.made = append(s.made, one)
			}
			s.seen[one.Digest] = true
		}
		return err
	}
}

// Preview adds the signatures of a manifest that would be stored in dst, without storing them. A target that is nil does not exist yet.
func (s *Signer) Preview(ctx context.Context, dst registry.Target, desc ocispec.Descriptor) error {
	if s == nil {
		return nil
	}
	if dst == nil {
		return s.In(memory.New())(ctx, desc)
	}
	return s.In(&dry.Target{Target: dst})(ctx, desc)
}

// Made returns the signatures that the Signer made or found so far, each once.
func (s *Signer) Made() []sign.Signature {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

// options returns the options of the flags to sign a manifest at ref.
func (f *Flags) options(ctx context.Context, a *app.App, ref registry.Reference) (*sign.Options, error) {
	with := &sign.Options{}
	switch f.format {
	case "bundle":
		with.Formats = []sign.Format{sign.Bundle}
	case "legacy":
		with.Formats = []sign.Format{sign.Legacy}
	case "both":
		with.Formats = []sign.Format{sign.Bundle, sign.Legacy}
	default:
		return nil, exit.Usagef("--signature-format %q: must be bundle, legacy, or both", f.format)
	}
	var err error
	if with.Created, err = source.Date(); err != nil {
		return nil, err
	}
	if with.Repository, err = f.repository(ref); err != nil {
		return nil, err
	}
	with.Key, err = readPrivateKey(ctx, a, f.key)
	return with, err
}

// repository returns the name of the repository that a legacy signature is bound to, or "" for a bundle.
func (f *Flags) repository(ref registry.Reference) (string, error) {
	if f.format == "bundle" {
		return "", nil
	}
	if f.reference == "" {
		if ref.IsPath() {
			return "", &exit.UsageError{Err: fmt.Errorf("a legacy signature requires a repository, and %s has none", ref), Hint: "name it with --reference HOST/REPO"}
		}
		return ref.Name(), nil
	}
	named, err := registry.Parse(f.reference)
	if err != nil {
		return "", err
	}
	if named.IsPath() || named.Reference() != "" {
		return "", exit.Usagef("--reference %q: must be HOST/REPO", f.reference)
	}
	return named.Name(), nil
}
