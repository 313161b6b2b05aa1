package trust

import (
	"context"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const attestationPrefix = "attestation="

// CheckRequirement returns an artifact.ErrInvalid unless name is valid in Options.Require.
func CheckRequirement(name string) error {
	if uri, ok := strings.CutPrefix(name, attestationPrefix); ok {
		if uri == "" {
			return fault.Worded(fmt.Sprintf("%q names no predicate type", name), artifact.ErrInvalid)
		}
		return nil
	}
	for _, k := range kinds.All() {
		if k.Name == name && k.Attached {
			return nil
		}
	}
	return fault.Worded(fmt.Sprintf("%q is not a kind of attachment", name), artifact.ErrInvalid)
}

// require finds a signed attachment, required by name, of one of the manifests. It returns a NotSignedError if there is no such
// attachment.
func (v *verifier) require(ctx context.Context, manifests []ocispec.Descriptor, name string) (*Required, error) {
	missing := &NotSignedError{Subject: manifests[0].Digest, Required: name}
	for _, m := range manifests {
		var found *Required
		var err error
		if uri, ok := strings.CutPrefix(name, attestationPrefix); ok {
			found, err = v.requireAttestation(ctx, m, uri, missing)
		} else {
			found, err = v.requireKind(ctx, m, name, missing)
		}
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, missing
}

// requireAttestation finds a bundle with the predicate type whose envelope one of the keys signed.
func (v *verifier) requireAttestation(ctx context.Context, subject ocispec.Descriptor, uri string, missing *NotSignedError) (
	*Required, error) {
	referrers, err := v.listBundles(ctx, subject, uri)
	if err != nil {
		return nil, err
	}
	for _, r := range referrers {
		b, problem, err := v.readBundle(ctx, r)
		if err != nil {
			return nil, err
		}
		if b != nil && b.Statement.PredicateType != uri {
			continue
		}
		missing.Attached = true
		s := Signature{Subject: subject.Digest, Format: "bundle", Digest: r.Digest, Problem: problem}
		if b != nil {
			v.evaluate(&s, b, subject)
		}
		if s.Verified {
			return &Required{attestationPrefix + uri, r.Digest, s.Key}, nil
		}
		missing.Signatures = append(missing.Signatures, s)
	}
	return nil, nil
}

// requireKind finds an attachment of the kind whose manifest one of the keys signed.
func (v *verifier) requireKind(ctx context.Context, subject ocispec.Descriptor, kind string, missing *NotSignedError) (*Required, error) {
	referrers, err := fetch.ListReferrers(ctx, v.src, subject, "")
	if err != nil {
		return nil, err
	}
	tried := 0
	for _, r := range referrers {
		is, err := v.isAttachedKind(ctx, r, subject, kind)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		if tried++; tried > MaxSignatures {
			return nil, artifact.Refused(subject.Digest.String(), "too many attachments of kind %s: limit is %d", kind, MaxSignatures)
		}
		missing.Attached = true
		signatures, err := v.readSignatures(ctx, r, true)
		if err != nil {
			return nil, err
		}
		for _, s := range signatures {
			if s.Verified {
				return &Required{kind, r.Digest, s.Key}, nil
			}
		}
		missing.Signatures = append(missing.Signatures, signatures...)
	}
	return nil, nil
}

// isAttachedKind reports whether a referrer is of the kind and refers to the subject. It reads the manifest, because the list
// of referrers is not signed: it may name a manifest that was signed for another artifact, or that does not exist.
func (v *verifier) isAttachedKind(ctx context.Context, r, subject ocispec.Descriptor, kind string) (bool, error) {
	traits := mediatypes.Traits{ArtifactType: r.ArtifactType, Annotations: r.Annotations}
	if !traits.NeedsManifest() {
		if k, _ := kinds.Recognize(traits); k.Name != kind {
			return false, nil
		}
	}
	m, err := fetch.Load(ctx, v.src, r)
	if err != nil {
		_, err = problemOf(err)
		return false, err
	}
	return m.Kind().Name == kind && m.Subject != nil && m.Subject.Digest == subject.Digest, nil
}
