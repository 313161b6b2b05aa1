package signing

import (
	"context"
	"errors"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/pull/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
)

// Trust has the flags about the keys that must have signed what a command reads.
type Trust struct {
	keys    []string
	require []string
}

// AddFlags adds --verify-key to a command that reads an artifact.
func (f *Trust) AddFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.keys, "verify-key", nil, "refuse what the public key in this `FILE` did not sign (repeatable: any of them)")
}

// AddVerifyFlags adds the flags of the command verify. Its keys have the variable that --verify-key has elsewhere.
func (f *Trust) AddVerifyFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.keys, "key", nil, "check that the public key in this `FILE` signed TARGET (repeatable: any of them)")
	fs.SetAnnotation("key", app.FlagVariable, []string{"DAVIT_VERIFY_KEY"})
	fs.StringSliceVar(&f.require, "require", nil, "demand a signed attachment: a `KIND`, or attestation=PREDICATE-TYPE (repeatable)")
}

// IsSet reports whether a signature is demanded.
func (f *Trust) IsSet() bool { return len(f.keys) > 0 }

// Check checks the flags before anything is opened.
func (f *Trust) Check() error {
	for _, name := range f.require {
		if err := trust.CheckRequirement(name); err != nil {
			return &exit.UsageError{Err: err, Hint: "for example --require sbom, or --require attestation=https://slsa.dev/provenance/v1"}
		}
	}
	if len(f.require) > 0 && len(f.keys) == 0 {
		return &exit.UsageError{Err: errors.New("--require needs a key to check signatures with"), Hint: "add --key FILE"}
	}
	return nil
}

// Pin resolves a tag or digest of a target once and demands a signature of what it names, if a flag does. What it returns is to
// be read instead: the digest whose signature was verified, or the reference itself if nothing is demanded.
func (f *Trust) Pin(ctx context.Context, a *app.App, t *app.Target, reference string, platform *ocispec.Platform) (string, error) {
	if !f.IsSet() {
		return reference, nil
	}
	find := t.Find
	if reference != t.Ref.Reference() { // an attachment of the target
		find = func(ctx context.Context) (ocispec.Descriptor, error) { return t.Resolve(ctx, reference) }
	}
	desc, err := find(ctx)
	if err != nil {
		return "", err
	}
	report, err := f.Verify(ctx, t, desc, platform)
	if err != nil {
		return "", err
	}
	s := report.Verified()
	a.Note("%s: signed by %s", s.Subject, s.Key)
	return desc.Digest.String(), nil
}

// Gate returns the function that demands a signature of a manifest of src before it is read, or nil if no flag demands one. The
// copied manifest must be signed itself: of an index, the index.
func (f *Trust) Gate(a *app.App, src *app.Target) func(context.Context, ocispec.Descriptor) error {
	if !f.IsSet() {
		return nil
	}
	return func(ctx context.Context, desc ocispec.Descriptor) error {
		report, err := f.verify(ctx, src, []ocispec.Descriptor{desc})
		if err != nil {
			return err
		}
		a.Note("%s: signed by %s", desc.Digest, report.Verified().Key)
		return nil
	}
}

// Verify demands a signature of a manifest, or of the one for a platform in an index.
func (f *Trust) Verify(ctx context.Context, t *app.Target, desc ocispec.Descriptor, platform *ocispec.Platform) (*trust.Report, error) {
	manifests := []ocispec.Descriptor{desc}
	if manifest.IsIndex(desc.MediaType) {
		index, err := fetch.Load(ctx, t.Target, desc)
		if err != nil {
			return nil, err
		}
		if entry, err := fetch.EntryFor(index, platform); err == nil { // else what reads it says why
			manifests = append(manifests, entry)
		}
	}
	return f.verify(ctx, t, manifests)
}

func (f *Trust) verify(ctx context.Context, t *app.Target, manifests []ocispec.Descriptor) (*trust.Report, error) {
	keys, err := readPublicKeys(f.keys)
	if err != nil {
		return nil, err
	}
	report, err := trust.Verify(ctx, t.Target, manifests, trust.Options{Keys: keys, Require: f.require, Accepts: accepts(t.Ref)})
	var missing *trust.NotSignedError
	if errors.As(err, &missing) {
		err = notSigned(err, missing, t.Ref)
	}
	return report, err
}

// accepts returns the check of the repository that a legacy signature is bound to. A path has no repository: any counts there.
func accepts(ref registry.Reference) func(string) bool {
	if ref.IsPath() {
		return nil
	}
	return func(repository string) bool {
		named, err := registry.Parse(repository)
		return err == nil && named.Name() == ref.Name()
	}
}

// notSigned adds what can be done about a missing signature.
func notSigned(err error, missing *trust.NotSignedError, ref registry.Reference) error {
	hint := "\"davit discover " + ref.String() + "\" lists its signatures"
	for _, s := range missing.Signatures {
		if s.Identity != "" && s.Issuer != "" {
			hint = "keyless signatures are checked by cosign: cosign verify --certificate-identity " + s.Identity +
				" --certificate-oidc-issuer " + s.Issuer + " " + ref.String()
		}
	}
	return &artifact.Error{Op: "verifying", Item: ref.String(), Err: err, Hint: hint}
}

// AsAnswer turns a missing signature into the answer no, exit code 1: to verify is to ask. Elsewhere it is refused content.
func AsAnswer(err error) error {
	var missing *trust.NotSignedError
	if errors.As(err, &missing) {
		return &exit.NoError{Err: err}
	}
	return err
}
