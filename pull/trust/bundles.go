package trust

import (
	"context"
	"errors"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/sigstore"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// maxBundle is the maximum size of a bundle in bytes. A bundle with an SBOM takes a few MiB.
const maxBundle = 32 << 20

// bundlePrefix is the prefix of the artifactTypes of all bundle versions.
const bundlePrefix = "application/vnd.dev.sigstore.bundle"

// readBundles reads the bundles attached to a manifest that are signatures. If stop is set, it stops after the first verified one.
func (v *verifier) readBundles(ctx context.Context, subject ocispec.Descriptor, stop bool) ([]Signature, error) {
	referrers, err := v.listBundles(ctx, subject, sigstore.CosignSign)
	if err != nil {
		return nil, err
	}
	var all []Signature
	for _, r := range referrers {
		b, problem, err := v.readBundle(ctx, r)
		if err != nil {
			return nil, err
		}
		if b != nil && b.Statement.PredicateType != sigstore.CosignSign {
			continue // an attestation
		}
		s := Signature{Subject: subject.Digest, Format: "bundle", Digest: r.Digest, Problem: problem}
		if b != nil {
			v.evaluate(&s, b, subject)
		}
		if all = append(all, s); stop && s.Verified {
			break
		}
	}
	return all, nil
}

// evaluate fills in the contents of a bundle, and whether one of the keys signed it.
func (v *verifier) evaluate(s *Signature, b *sigstore.Bundle, subject ocispec.Descriptor) {
	s.KeyHint, s.Identity, s.Issuer, s.Annotations = b.Hint, b.Identity, b.Issuer, b.Statement.Annotations()
	if !b.Statement.IsAbout(subject.Digest) {
		s.Problem = "the signature is for another artifact"
		return
	}
	s.Key, s.Verified = v.keyOf(b.IsSignedBy)
}

// listBundles lists the bundles attached to a manifest with a predicate type, and those listed without a type: the lists
// that cosign keeps for registries without the referrers API have no types.
func (v *verifier) listBundles(ctx context.Context, subject ocispec.Descriptor, predicate string) ([]ocispec.Descriptor, error) {
	referrers, err := fetch.ListReferrers(ctx, v.src, subject, "")
	if err != nil {
		return nil, err
	}
	var chosen []ocispec.Descriptor
	for _, r := range referrers {
		if r.ArtifactType != "" && r.ArtifactType != ocispec.MediaTypeEmptyJSON && !strings.HasPrefix(r.ArtifactType, bundlePrefix) {
			continue
		}
		if p, hasPredicate := r.Annotations[mediatypes.BundlePredicateType]; hasPredicate && p != predicate {
			continue
		}
		if chosen = append(chosen, r); len(chosen) > MaxSignatures {
			return nil, artifact.Refused(subject.Digest.String(), "too many signatures: limit is %d", MaxSignatures)
		}
	}
	return chosen, nil
}

// readBundle reads the bundle of a referrer. If the referrer has no valid bundle, it returns the problem instead.
func (v *verifier) readBundle(ctx context.Context, r ocispec.Descriptor) (b *sigstore.Bundle, problem string, err error) {
	m, err := fetch.Load(ctx, v.src, r)
	if err != nil {
		problem, err = problemOf(err)
		return nil, problem, err
	}
	switch {
	case len(m.Layers) != 1 || m.Layers[0].MediaType != mediatypes.SigstoreBundle:
		return nil, "not a sigstore bundle of version 0.3", nil
	case m.Layers[0].Size > maxBundle:
		return nil, "sigstore bundle too large: limit is 32 MiB", nil
	}
	data, err := fetch.ReadVerified(ctx, v.src, m.Layers[0])
	if err != nil {
		problem, err = problemOf(err)
		return nil, problem, err
	}
	if b, err = sigstore.ParseBundle(data); err != nil {
		return nil, err.Error(), nil
	}
	return b, "", nil
}

// problemOf returns the text of an error if content is missing or refused, which is a problem of one signature. Other errors,
// which it returns unchanged, end the verification.
func problemOf(err error) (problem string, other error) {
	if errors.Is(err, artifact.ErrRefused) || errors.Is(err, errdef.ErrNotFound) {
		return err.Error(), nil
	}
	return "", err
}
