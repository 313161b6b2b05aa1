package sign

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/sigstore"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// maxLegacy limits the signatures in the manifest that a signature tag points to.
const maxLegacy = 100

// signLegacy adds a signature to the manifest that the signature tag points to, unless the key has already signed the same payload.
func (s *signer) signLegacy(ctx context.Context, subject ocispec.Descriptor) (*Signature, error) {
	payload, err := sigstore.Simple{Reference: s.opts.Repository, Digest: subject.Digest, Optional: s.opts.Annotations}.Encode()
	if err != nil {
		return nil, err
	}
	signature, err := s.opts.Key.Sign(payload)
	if err != nil {
		return nil, err
	}
	layer := content.NewDescriptorFromBytes(mediatypes.SimpleSigning, payload)
	layer.Annotations = map[string]string{sigstore.SignatureAnnotation: base64.StdEncoding.EncodeToString(signature)}

	tag := oci.SignatureTag(subject.Digest)
	old, layers, err := s.readLegacyLayers(ctx, tag)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(layers, func(l ocispec.Descriptor) bool { return s.isOurs(l, layer, payload) }) {
		return &Signature{Digest: old.Digest, Tag: tag, Skipped: true}, nil
	}
	if len(layers) >= maxLegacy {
		return nil, artifact.Refused(tag, "too many signatures: limit is %d", maxLegacy)
	}
	if err := s.push(ctx, layer, payload); err != nil {
		return nil, err
	}
	desc, err := s.pushLegacy(ctx, append(layers, layer))
	if err != nil {
		return nil, err
	}
	return &Signature{Digest: desc.Digest, Tag: tag}, s.dst.Tag(ctx, desc, tag)
}

// readLegacyLayers returns the manifest that the signature tag points to, and its layers, which are signatures. Both are empty if
// the tag does not exist.
func (s *signer) readLegacyLayers(ctx context.Context, tag string) (ocispec.Descriptor, []ocispec.Descriptor, error) {
	m, err := fetch.Resolve(ctx, s.dst, tag)
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return ocispec.Descriptor{}, nil, nil
	case err != nil:
		return ocispec.Descriptor{}, nil, err
	case m.IsIndex():
		return m.Desc, nil, artifact.Refused(tag, "the signature tag names an index, not a manifest")
	}
	return m.Desc, m.Layers, nil
}

// isOurs reports whether a layer has a signature of the same payload by the same key.
func (s *signer) isOurs(have, want ocispec.Descriptor, payload []byte) bool {
	if have.Digest != want.Digest {
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(have.Annotations[sigstore.SignatureAnnotation])
	return err == nil && s.opts.Key.Verify(payload, signature)
}

// pushLegacy stores the manifest with signatures, and a config as cosign writes it: an image whose layers are not compressed.
func (s *signer) pushLegacy(ctx context.Context, layers []ocispec.Descriptor) (ocispec.Descriptor, error) {
	diffs := make([]digest.Digest, len(layers))
	for i, l := range layers {
		diffs[i] = l.Digest
	}
	config, err := json.Marshal(ocispec.Image{RootFS: ocispec.RootFS{Type: "layers", DiffIDs: diffs}})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	configDesc := content.NewDescriptorFromBytes(ocispec.MediaTypeImageConfig, config)
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: configDesc, Layers: layers,
	})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if err := s.push(ctx, configDesc, config); err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, manifest)
	return desc, s.push(ctx, desc, manifest)
}
