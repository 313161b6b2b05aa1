// Package sign signs artifacts and their attachments as cosign does: with bundles that are attached as referrers, and with
// the older signature tags that Podman and other container tools read.
package sign

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/sigkey"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// Key is a private key: see ParseKey and GenerateKey.
type Key = sigkey.Private

// ErrPassword is returned if a password does not decrypt a private key.
var ErrPassword = sigkey.ErrPassword

// ParseKey reads a private key in PEM: one that cosign encrypted, or a plain one (ECDSA on P-256, P-384, or P-521, RSA with at least
// 2048 bits, or Ed25519). The function password is called only for an encrypted key. For a wrong password, the error is ErrPassword.
func ParseKey(data []byte, password func() ([]byte, error)) (*Key, error) {
	return sigkey.ParsePrivate(data, password)
}

// GenerateKey makes an ECDSA key on P-256. It returns the private key, encrypted with the password, and the public key, both in PEM,
// as in the two files that "cosign generate-key-pair" writes. An error means that the system has no random numbers.
func GenerateKey(password []byte) (private, public []byte, err error) {
	return sigkey.Generate(password)
}

// Format is the form in which a signature is stored.
type Format string

// Signature formats.
const (
	Bundle Format = "bundle" // a sigstore bundle, attached as a referrer: cosign 3, Flux, Kyverno
	Legacy Format = "legacy" // a manifest with the tag sha256-….sig: Podman, Skopeo, CRI-O, cosign 2
)

// Options configure how an artifact is signed.
type Options struct {
	Key     *Key     // required
	Formats []Format // if empty, only Bundle
	// Annotations are signed, too. Verifiers may require them.
	Annotations map[string]string
	// Repository is the name that a legacy signature is bound to: HOST/REPO. It is required for Legacy.
	Repository string
	// EachPlatform signs every platform's manifest of an index, too.
	EachPlatform bool
	// Referrers signs the attachments, too, apart from signatures.
	Referrers bool
	// Created is written into the manifest of a bundle. The zero value writes none, so that the digest depends only on the
	// key, the artifact, and the annotations.
	Created time.Time
}

// Signature is one signature that Sign stored or found.
type Signature struct {
	Subject digest.Digest `json:"subject"`        // of the signed manifest
	Kind    string        `json:"kind,omitempty"` // of an attachment that was signed
	Format  Format        `json:"format"`
	Digest  digest.Digest `json:"digest"`        // of the manifest with the signature
	Tag     string        `json:"tag,omitempty"` // of a legacy signature
	KeyHint string        `json:"keyHint"`       // the SHA-256 of the public key, in base64
	Skipped bool          `json:"skipped"`       // the key had signed this already
}

// Sign signs the manifest subject in dst. A manifest that the same key signed already with the same annotations gets no second
// signature; its result has Skipped set. Signatures are deterministic: the same key, artifact, and annotations make the same
// manifest anywhere.
//
// Sign fails with artifact.ErrInvalid if the options have no key, an unknown format, or no repository for a legacy signature.
// It fails with artifact.ErrRefused if there are too many referrers or legacy signatures, or, with EachPlatform, if an index
// has no manifest for a platform.
func Sign(ctx context.Context, dst oras.GraphTarget, subject ocispec.Descriptor, opts Options) ([]Signature, error) {
	if len(opts.Formats) == 0 {
		opts.Formats = []Format{Bundle}
	}
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &signer{dst: dst, opts: opts}
	subjects, err := s.listSubjects(ctx, subject)
	if err != nil {
		return nil, err
	}
	var all []Signature
	for _, one := range subjects {
		for _, format := range opts.Formats {
			made, err := s.sign(ctx, one.desc, format)
			if err != nil {
				return nil, &artifact.Error{Op: "signing", Item: one.desc.Digest.String(), Err: err}
			}
			made.Subject, made.Kind, made.Format, made.KeyHint = one.desc.Digest, one.kind, format, opts.Key.Hint()
			all = append(all, *made)
		}
	}
	return all, nil
}

func (o *Options) check() error {
	if o.Key == nil {
		return fmt.Errorf("%w: no key to sign with", artifact.ErrInvalid)
	}
	for _, f := range o.Formats {
		if f != Bundle && f != Legacy {
			return fmt.Errorf("%w: unknown signature format %q", artifact.ErrInvalid, f)
		}
	}
	if slices.Contains(o.Formats, Legacy) && o.Repository == "" {
		return fmt.Errorf("%w: a legacy signature requires a repository", artifact.ErrInvalid)
	}
	return nil
}

// signer signs manifests of one target.
type signer struct {
	dst  oras.GraphTarget
	opts Options
}

func (s *signer) sign(ctx context.Context, subject ocispec.Descriptor, format Format) (*Signature, error) {
	if format == Legacy {
		return s.signLegacy(ctx, subject)
	}
	return s.signBundle(ctx, subject)
}

// toSign is a manifest to sign.
type toSign struct {
	desc ocispec.Descriptor
	kind string // of an attachment
}

// listSubjects returns the manifests to sign: the subject and, depending on the options, those of an index and the
// attachments of all.
func (s *signer) listSubjects(ctx context.Context, subject ocispec.Descriptor) ([]toSign, error) {
	all := []toSign{{desc: subject}}
	if s.opts.EachPlatform {
		manifests, err := pack.Platforms(ctx, s.dst, subject)
		if err != nil {
			return nil, err
		}
		for _, m := range manifests {
			if m.Digest != subject.Digest {
				all = append(all, toSign{desc: m})
			}
		}
	}
	if !s.opts.Referrers {
		return all, nil
	}
	seen := map[digest.Digest]bool{}
	for i := 0; i < len(all); i++ { // attachments have attachments
		seen[all[i].desc.Digest] = true
		found, err := fetch.ListReferrers(ctx, s.dst, all[i].desc, "")
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			kind, err := s.readKind(ctx, r)
			if err != nil {
				return nil, err
			}
			if seen[r.Digest] || kinds.IsSignature(kind) {
				continue
			}
			seen[r.Digest] = true
			if all = append(all, toSign{r, kind}); len(all) > fetch.MaxReferrers {
				return nil, artifact.Refused(subject.Digest.String(), "too many referrers: limit is %d", fetch.MaxReferrers)
			}
		}
	}
	return all, nil
}

// readKind returns the kind of a referrer, from its manifest if the listing does not show it.
func (s *signer) readKind(ctx context.Context, r ocispec.Descriptor) (string, error) {
	traits := mediatypes.Traits{ArtifactType: r.ArtifactType, Annotations: r.Annotations}
	if !traits.NeedsManifest() {
		k, _ := kinds.Recognize(traits)
		return k.Name, nil
	}
	m, err := fetch.Load(ctx, s.dst, r)
	if err != nil {
		return "", err
	}
	return m.Kind().Name, nil
}
