package trust

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/sigkey"
	"github.com/davit-oci/davit/internal/format/sigstore"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// maxPayload is the maximum size in bytes of the payload of a legacy signature. A payload usually takes a few hundred bytes.
const maxPayload = 64 << 10

// readLegacy reads the signatures that the signature tag of a manifest points to.
func (v *verifier) readLegacy(ctx context.Context, subject ocispec.Descriptor) ([]Signature, error) {
	tag := oci.SignatureTag(subject.Digest)
	m, err := fetch.Resolve(ctx, v.src, tag)
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return nil, nil
	case errors.Is(err, artifact.ErrRefused):
		return []Signature{{Subject: subject.Digest, Format: "legacy", Tag: tag, Problem: err.Error()}}, nil
	case err != nil:
		return nil, err
	case len(m.Layers) > MaxSignatures:
		return nil, artifact.Refused(tag, "too many signatures: limit is %d", MaxSignatures)
	}
	var all []Signature
	for _, layer := range m.Layers {
		if layer.MediaType != mediatypes.SimpleSigning {
			continue
		}
		s := Signature{Subject: subject.Digest, Format: "legacy", Digest: m.Desc.Digest, Tag: tag}
		if err := v.evaluateLegacy(ctx, &s, layer, subject); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// evaluateLegacy fills in the contents of a signature, and whether one of the keys made it.
func (v *verifier) evaluateLegacy(ctx context.Context, s *Signature, layer, subject ocispec.Descriptor) error {
	if layer.Size > maxPayload {
		s.Problem = "signature payload too large: limit is 64 KiB"
		return nil
	}
	payload, err := fetch.FetchBlob(ctx, v.src, layer)
	if err != nil {
		s.Problem, err = problemOf(err)
		return err
	}
	simple, err := sigstore.ParseSimple(payload)
	if err != nil {
		s.Problem = err.Error()
		return nil
	}
	s.Repository, s.Annotations = simple.Reference, simple.Optional
	signature, err := base64.StdEncoding.DecodeString(layer.Annotations[sigstore.SignatureAnnotation])
	switch {
	case err != nil || len(signature) == 0:
		s.Problem = "the signature is not base64"
	case simple.Digest != subject.Digest:
		s.Problem = "the signature is for another artifact"
	case v.opts.Accepts != nil && !v.opts.Accepts(simple.Reference):
		s.Problem = "the signature is for " + simple.Reference
	default:
		if cert := layer.Annotations[sigstore.CertificateAnnotation]; cert != "" {
			s.Identity = sigstore.CertificateIdentity([]byte(cert))
		}
		s.Key, s.Verified = v.keyOf(func(k *sigkey.Public) bool { return k.Verify(payload, signature) })
	}
	return nil
}
