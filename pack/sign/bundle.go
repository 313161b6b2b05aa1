package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/sigstore"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// maxCompared limits the signatures that are read to find one by the same key. Each takes two requests.
const maxCompared = 50

// signBundle attaches a sigstore bundle to a manifest, unless the key has signed it already.
func (s *signer) signBundle(ctx context.Context, subject ocispec.Descriptor) (*Signature, error) {
	statement := sigstore.SignatureOf(subject.Digest, s.opts.Annotations)
	data, err := sigstore.NewBundle(statement, s.opts.Key)
	if err != nil {
		return nil, err
	}
	layer := content.NewDescriptorFromBytes(mediatypes.SigstoreBundle, data)
	manifest, err := s.newBundleManifest(subject, layer)
	if err != nil {
		return nil, err
	}
	desc := content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, manifest)
	same, err := s.findBundle(ctx, subject, desc)
	if err != nil {
		return nil, err
	}
	if same != nil {
		return &Signature{Digest: same.Digest, Skipped: true}, nil
	}
	for _, blob := range []struct {
		desc ocispec.Descriptor
		data []byte
	}{{ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data}, {layer, data}, {desc, manifest}} {
		if err := s.push(ctx, blob.desc, blob.data); err != nil {
			return nil, err
		}
	}
	return &Signature{Digest: desc.Digest}, nil
}

// newBundleManifest returns the manifest around a bundle (cosign, pkg/oci/remote/write.go, WriteAttestationNewBundleFormat).
func (s *signer) newBundleManifest(subject, layer ocispec.Descriptor) ([]byte, error) {
	plain, config := fetch.Plain(subject), fetch.Plain(ocispec.DescriptorEmptyJSON)
	annotations := map[string]string{
		mediatypes.BundleContent:       "dsse-envelope",
		mediatypes.BundlePredicateType: sigstore.CosignSign,
		mediatypes.AttachmentSummary:   "key " + s.opts.Key.Hint(),
	}
	if !s.opts.Created.IsZero() {
		annotations[ocispec.AnnotationCreated] = s.opts.Created.UTC().Format(time.RFC3339)
	}
	return json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: mediatypes.SigstoreBundle, Config: config, Layers: []ocispec.Descriptor{layer},
		Subject: &plain, Annotations: annotations,
	})
}

// findBundle returns the manifest desc if it is attached already, or else one with a bundle in which the key signed the same
// statement. It returns nil if there is no such manifest.
func (s *signer) findBundle(ctx context.Context, subject, desc ocispec.Descriptor) (*ocispec.Descriptor, error) {
	referrers, err := fetch.ListReferrers(ctx, s.dst, subject, mediatypes.SigstoreBundle)
	if err != nil {
		return nil, err
	}
	var others []ocispec.Descriptor
	for _, r := range referrers {
		switch predicate, hasPredicate := r.Annotations[mediatypes.BundlePredicateType]; {
		case r.Digest == desc.Digest:
			return &r, nil
		case !hasPredicate || predicate == sigstore.CosignSign:
			others = append(others, r)
		}
	}
	for _, r := range others[:min(len(others), maxCompared)] {
		same, err := s.isSame(ctx, subject, r)
		if err != nil {
			return nil, err
		}
		if same {
			return &r, nil
		}
	}
	return nil, nil
}

// isSame reports whether a referrer is a bundle in which the key signed the subject with the same annotations. A referrer that can't
// be read is not the same.
func (s *signer) isSame(ctx context.Context, subject, r ocispec.Descriptor) (bool, error) {
	m, err := fetch.Load(ctx, s.dst, r)
	if err != nil {
		return false, ctx.Err()
	}
	if len(m.Layers) != 1 || m.Layers[0].MediaType != mediatypes.SigstoreBundle {
		return false, nil
	}
	data, err := fetch.FetchBlob(ctx, s.dst, m.Layers[0])
	if err != nil {
		return false, ctx.Err()
	}
	b, err := sigstore.ParseBundle(data)
	if err != nil {
		return false, nil
	}
	return b.Statement.PredicateType == sigstore.CosignSign && b.Statement.IsAbout(subject.Digest) &&
		maps.Equal(b.Statement.Annotations(), s.opts.Annotations) && b.IsSignedBy(&s.opts.Key.Public), nil
}

// push stores a blob or manifest unless it exists.
func (s *signer) push(ctx context.Context, desc ocispec.Descriptor, data []byte) error {
	exists, err := s.dst.Exists(ctx, desc)
	if err != nil || exists {
		return err
	}
	if err := s.dst.Push(ctx, desc, bytes.NewReader(data)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return err
	}
	return nil
}
