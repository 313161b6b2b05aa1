package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/davit-oci/davit/pull/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
)

// Trust has the flags for verifying signatures: the public keys, and the attachments that must be signed.
type Trust struct {
	keys    []string
	require []string
	loaded  []trust.Key // the keys, once they are read
	prefer  string      // see Prefer
}

// AddFlags adds --verify-key to a command that reads an artifact.
func (f *Trust) AddFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.keys, "verify-key", nil, "refuse an artifact without a signature that the public key in this `FILE` verifies (repeatable: one key is enough)")
	app.ReadFromEnv(fs.Lookup("verify-key"))
}

// AddVerifyFlags adds the flags of the command verify. Its --key has the environment variable of --verify-key.
func (f *Trust) AddVerifyFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.keys, "key", nil, "verify the signature of TARGET with the public key in this `FILE` (repeatable: one key is enough)")
	app.NameVariable(fs.Lookup("key"), app.EnvName("verify-key"))
	fs.StringSliceVar(&f.require, "require", nil, "require a signed attachment: a `KIND`, or attestation=PREDICATE-TYPE (repeatable)")
}

// AddMarkFlags adds --verify-key to a command that marks the signatures that the key verifies, and refuses nothing.
func (f *Trust) AddMarkFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.keys, "verify-key", nil, "mark the signatures that the public key in this `FILE` verifies (repeatable)")
	app.ReadFromEnv(fs.Lookup("verify-key"))
}

// List returns the signatures of a manifest, of the manifests in an index, and of their attachments. Those that one of the keys made are
// marked. Without a key, it returns none.
func (f *Trust) List(ctx context.Context, t *app.Target, desc ocispec.Descriptor, attached []*referrers.Referrer, inIndex []*referrers.AttachedTo) ([]trust.Signature, error) {
	if !f.IsSet() {
		return nil, nil
	}
	demand, err := f.demand(ctx, t.Ref)
	if err != nil {
		return nil, err
	}
	manifests := append([]ocispec.Descriptor{desc}, withReferrers(attached)...)
	for _, m := range inIndex {
		manifests = append(manifests, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: m.Digest})
		manifests = append(manifests, withReferrers(m.Referrers)...)
	}
	var all []trust.Signature
	for _, m := range manifests {
		found, err := trust.List(ctx, t.Target, m, *demand)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// withReferrers returns the attachments that have attachments of their own, which may be their signatures.
func withReferrers(attached []*referrers.Referrer) []ocispec.Descriptor {
	var all []ocispec.Descriptor
	for _, r := range attached {
		if len(r.Referrers) > 0 {
			all = append(append(all, r.Descriptor()), withReferrers(r.Referrers)...)
		}
	}
	return all
}

// IsSet reports whether a key was given.
func (f *Trust) IsSet() bool { return len(f.keys) > 0 }

// Load reads the keys, which a command that verifies several artifacts does once: a key may come from a pipe.
func (f *Trust) Load(ctx context.Context) (err error) {
	f.loaded, err = readPublicKeys(ctx, f.keys)
	return err
}

// Prefer makes PinKeys look for a signature by the key with this hint first, if it is one of several keys.
func (f *Trust) Prefer(hint string) { f.prefer = hint }

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

// Pin verifies the signatures that the flags and the policy require of a tag or digest. It returns the reference to read: the digest
// that the reference resolves to, or the reference itself if no signature is required. It resolves a tag only once.
func (f *Trust) Pin(ctx context.Context, a *app.App, t *app.Target, reference string, platform *ocispec.Platform) (string, error) {
	pinned, _, err := f.PinKeys(ctx, a, t, reference, platform)
	return pinned, err
}

// PinKeys is like Pin, but also returns the keys whose signatures were verified.
func (f *Trust) PinKeys(ctx context.Context, a *app.App, t *app.Target, reference string, platform *ocispec.Platform) (string, []trust.Key, error) {
	demands, err := f.demands(a, t.Ref)
	if err != nil || len(demands) == 0 {
		return reference, nil, err
	}
	find := t.Find
	if reference != t.Ref.Reference() { // an attachment of the target
		find = func(ctx context.Context) (ocispec.Descriptor, error) { return t.Resolve(ctx, reference) }
	}
	desc, err := find(ctx)
	if err != nil {
		return "", nil, err
	}
	manifests, err := addPlatform(ctx, t, desc, platform)
	if err != nil {
		return "", nil, err
	}
	keys, err := f.verifyAll(ctx, a, t, manifests, demands)
	return desc.Digest.String(), keys, err
}

// Verifier returns a function that fails unless a manifest of src has the required signatures, or nil if none is required. The manifest
// itself must be signed: for an index, a signed manifest in it is not enough.
func (f *Trust) Verifier(a *app.App, src *app.Target) (func(context.Context, ocispec.Descriptor) error, error) {
	demands, err := f.demands(a, src.Ref)
	if err != nil || len(demands) == 0 {
		return nil, err
	}
	return func(ctx context.Context, desc ocispec.Descriptor) error {
		_, err := f.verifyAll(ctx, a, src, []ocispec.Descriptor{desc}, demands)
		return err
	}, nil
}

// Verify verifies the signatures that the flags require of a manifest. For an index, a signature of the index or of its manifest for the
// platform is enough. If platform is nil, it is that of this machine.
func (f *Trust) Verify(ctx context.Context, t *app.Target, desc ocispec.Descriptor, platform *ocispec.Platform) (*trust.Report, error) {
	demand, err := f.demand(ctx, t.Ref)
	if err != nil {
		return nil, err
	}
	manifests, err := addPlatform(ctx, t, desc, platform)
	if err != nil {
		return nil, err
	}
	return verify(ctx, t, manifests, *demand)
}

// demands returns the signatures that are required of an artifact. Both the flags and the policy apply.
func (f *Trust) demands(a *app.App, ref registry.Reference) ([]trust.Options, error) {
	all, err := readPolicyDemands(a, ref)
	if err != nil || !f.IsSet() {
		return all, err
	}
	own, err := f.demand(a.Context, ref)
	if err != nil {
		return nil, err
	}
	return append(all, *own), nil
}

// demand returns the signatures that the flags require.
func (f *Trust) demand(ctx context.Context, ref registry.Reference) (*trust.Options, error) {
	keys, err := f.loaded, error(nil)
	if keys == nil {
		keys, err = readPublicKeys(ctx, f.keys)
	}
	return &trust.Options{Keys: keys, Require: f.require, Accepts: newRepositoryCheck(ref)}, err
}

// addPlatform returns a manifest, and the one for the platform if it is an index: the signature of either counts.
func addPlatform(ctx context.Context, t *app.Target, desc ocispec.Descriptor, platform *ocispec.Platform) ([]ocispec.Descriptor, error) {
	manifests := []ocispec.Descriptor{desc}
	if !manifest.IsIndex(desc.MediaType) {
		return manifests, nil
	}
	index, err := fetch.Load(ctx, t.Target, desc)
	if err != nil {
		return nil, err
	}
	if entry, err := fetch.EntryFor(index, platform); err == nil { // otherwise, reading the index reports the error
		manifests = append(manifests, entry)
	}
	return manifests, nil
}

// verifyAll verifies that every demand is met, and prints a note with the key. It returns the keys.
func (f *Trust) verifyAll(ctx context.Context, a *app.App, t *app.Target, manifests []ocispec.Descriptor, demands []trust.Options) (by []trust.Key, err error) {
	for _, d := range demands {
		report, err := f.verifyPreferred(ctx, t, manifests, d)
		if err != nil {
			return nil, err
		}
		s := report.Verified()
		a.Note("%s: signed by %s", s.Subject, s.Key)
		for _, key := range d.Keys {
			if key.Name == s.Key {
				by = append(by, key)
			}
		}
	}
	return by, nil
}

// verifyPreferred verifies one demand, with the preferred key if that made a signature, or else with any of the keys.
func (f *Trust) verifyPreferred(ctx context.Context, t *app.Target, manifests []ocispec.Descriptor, demand trust.Options) (*trust.Report, error) {
	if i := slices.IndexFunc(demand.Keys, func(k trust.Key) bool { return k.Hint() == f.prefer }); i >= 0 && len(demand.Keys) > 1 {
		only := demand
		only.Keys = demand.Keys[i : i+1]
		report, err := trust.Verify(ctx, t.Target, manifests, only)
		if !errors.As(err, new(*trust.NotSignedError)) {
			return report, err
		}
	}
	return verify(ctx, t, manifests, demand)
}

// verify verifies one demand. It adds a hint to the error about a missing signature.
func verify(ctx context.Context, t *app.Target, manifests []ocispec.Descriptor, demand trust.Options) (*trust.Report, error) {
	report, err := trust.Verify(ctx, t.Target, manifests, demand)
	var missing *trust.NotSignedError
	if errors.As(err, &missing) {
		err = explainNotSigned(err, missing, t.Ref)
	}
	return report, err
}

// newRepositoryCheck returns the function that checks the repository in a legacy signature. For a path, it returns nil: any repository is
// accepted.
func newRepositoryCheck(ref registry.Reference) func(string) bool {
	if ref.IsPath() {
		return nil
	}
	return func(repository string) bool {
		named, err := registry.Parse(repository)
		return err == nil && named.Name() == ref.Name()
	}
}

// explainNotSigned adds a hint to an error about a missing signature.
func explainNotSigned(err error, missing *trust.NotSignedError, ref registry.Reference) error {
	hint := fmt.Sprintf("\"%s\" lists its signatures", shell.Command("davit", "discover", ref.String()))
	switch isAttestation := strings.HasPrefix(missing.Required, "attestation="); {
	case len(missing.Signatures) > 0 || isAttestation:
	case missing.Required == "":
		exact := ref // the subject may be an attachment, which ref does not name
		exact.Tag, exact.Digest = "", missing.Subject
		hint = "its publisher can sign it: " + shell.Command("davit", "sign", exact.String(), "--key", "FILE")
	case missing.Attached:
		hint = "its publisher can sign it: " + shell.Command("davit", "sign", ref.String(), "--referrers", "--key", "FILE")
	default:
		hint = "its publisher can attach one: " + shell.Command("davit", "attach", "SOURCE", ref.String(), "--sign-key", "FILE")
	}
	for _, s := range missing.Signatures {
		if s.Identity != "" && s.Issuer != "" {
			hint = "keyless signatures are checked by cosign: " + shell.Command("cosign", "verify",
				"--certificate-identity", s.Identity, "--certificate-oidc-issuer", s.Issuer, ref.String())
		}
	}
	return &artifact.Error{Op: "verifying", Item: ref.String(), Err: err, Hint: hint}
}

// AsNegative turns the error about a missing signature into an exit.NegativeError, for commands that only check. Other commands
// refuse the content.
func AsNegative(err error) error {
	var missing *trust.NotSignedError
	if errors.As(err, &missing) {
		return &exit.NegativeError{Err: err}
	}
	return err
}
