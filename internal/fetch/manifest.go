package fetch

import (
	"context"
	_ "crypto/sha256" // the digests that a descriptor may have
	_ "crypto/sha512"
	"encoding/json"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kind"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry"
)

// octetStream is the media type that a source reports if it does not know the real one.
const octetStream = "application/octet-stream"

// Manifest is a verified manifest or index. An index has Manifests and neither Config nor Layers.
type Manifest struct {
	Desc  ocispec.Descriptor
	Bytes []byte
	body
}

// Described returns the fields that describe the artifact in results.
func (m *Manifest) Described() spec.Described {
	d := spec.Describe(m.Desc)
	d.ArtifactType = m.ArtifactType
	return d
}

// body has the fields of manifests and indexes.
type body struct {
	ArtifactType string               `json:"artifactType"`
	Config       *ocispec.Descriptor  `json:"config"`
	Layers       []ocispec.Descriptor `json:"layers"`
	Manifests    []ocispec.Descriptor `json:"manifests"`
	Subject      *ocispec.Descriptor  `json:"subject"`
	Annotations  map[string]string    `json:"annotations"`
}

// IsIndex reports whether the manifest is an index.
func (m *Manifest) IsIndex() bool { return oci.IsIndex(m.Desc.MediaType) }

// Resolve reads the manifest that a reference points to, in one request if the source can.
func Resolve(ctx context.Context, src oras.ReadOnlyTarget, ref string) (*Manifest, error) {
	fetcher, ok := src.(registry.ReferenceFetcher)
	if !ok {
		desc, err := src.Resolve(ctx, ref)
		if err != nil {
			return nil, err
		}
		return Load(ctx, src, desc)
	}
	desc, rc, err := fetcher.FetchReference(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return readManifest(rc, desc)
}

// Plain returns the descriptor with only the fields that locate the bytes.
func Plain(desc ocispec.Descriptor) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}
}

// Load fetches a manifest by its descriptor.
func Load(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) (*Manifest, error) {
	if err := CheckDocument(desc); err != nil {
		return nil, err
	}
	rc, err := src.Fetch(ctx, desc)
	if err != nil {
		return nil, &artifact.Error{Op: "fetching manifest", Item: desc.Digest.String(), Err: err}
	}
	defer rc.Close()
	return readManifest(rc, desc)
}

func readManifest(r io.Reader, desc ocispec.Descriptor) (*Manifest, error) {
	if err := CheckDocument(desc); err != nil {
		return nil, err
	}
	b, err := ReadAll(r, desc)
	if err != nil {
		return nil, &artifact.Error{Op: "fetching manifest", Item: desc.Digest.String(), Err: err}
	}
	return parse(b, desc)
}

// ReadAll reads and verifies a blob whose size the caller has checked. It fails with artifact.ErrRefused if the blob does not match
// its descriptor.
func ReadAll(r io.Reader, desc ocispec.Descriptor) ([]byte, error) {
	return oci.ReadAll(r, desc)
}

// CheckDocument fails with artifact.ErrRefused if a descriptor is invalid, or if its blob is too large to be read into memory.
func CheckDocument(desc ocispec.Descriptor) error {
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	if desc.Size > oci.MaxSize {
		return artifact.Refused(desc.Digest.String(), "too large: %d bytes, limit is %d MiB", desc.Size, oci.MaxSize>>20)
	}
	return nil
}

func checkDescriptor(desc ocispec.Descriptor) error {
	if err := untrusted.CheckDigest(desc.Digest); err != nil {
		return artifact.Refused(string(desc.Digest), "invalid digest: %w", err)
	}
	if desc.Size < 0 {
		return artifact.Refused(desc.Digest.String(), "invalid size %d", desc.Size)
	}
	return nil
}

// parse decodes verified bytes strictly: content that two readers could understand differently is refused.
func parse(b []byte, desc ocispec.Descriptor) (*Manifest, error) {
	m := &Manifest{Desc: desc, Bytes: b}
	refuse := func(format string, args ...any) (*Manifest, error) {
		return nil, artifact.Refused(desc.Digest.String(), format, args...)
	}
	switch m.Desc.MediaType, _, _ = strings.Cut(desc.MediaType, ";"); m.Desc.MediaType {
	case "", "application/json", octetStream:
		m.Desc.MediaType = oci.TypeOf(b)
	}
	if !oci.Is(m.Desc.MediaType) {
		return refuse("media type %q is neither a manifest nor an index", m.Desc.MediaType)
	}
	if err := oci.Check(m.Desc, b); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &m.body); err != nil {
		return refuse("not a manifest: %w", err)
	}
	if !m.IsIndex() && m.Config == nil {
		return refuse("manifest has no config")
	}
	m.Desc.ArtifactType, m.Desc.Annotations = m.ArtifactType, m.Annotations
	return m, m.checkDescriptors()
}

func (m *Manifest) checkDescriptors() error {
	all := append(append([]ocispec.Descriptor(nil), m.Layers...), m.Manifests...)
	for _, d := range []*ocispec.Descriptor{m.Config, m.Subject} {
		if d != nil {
			all = append(all, *d)
		}
	}
	for _, d := range all {
		if err := checkDescriptor(d); err != nil {
			return &artifact.Error{Op: "manifest", Item: m.Desc.Digest.String(), Err: err}
		}
	}
	return nil
}

// OwnConfig returns the descriptor of the config, or nil for an index.
func (m *Manifest) OwnConfig() *ocispec.Descriptor {
	if m.IsIndex() {
		return nil
	}
	return m.Config
}

// Traits returns the properties by which the kind is recognized. Inlined, it would add 9 KB to the program.
//
//go:noinline
func (m *Manifest) Traits() mediatypes.Traits {
	return TraitsOf(m.ArtifactType, m.Config, m.Layers, m.Annotations)
}

// TraitsOf is like Traits, for a manifest with these fields. config may be nil.
func TraitsOf(artifactType string, config *ocispec.Descriptor, layers []ocispec.Descriptor, annotations map[string]string) mediatypes.Traits {
	t := mediatypes.Traits{ArtifactType: artifactType, Annotations: annotations}
	if config != nil {
		t.ConfigType = config.MediaType
	}
	for _, l := range layers {
		t.Layers = append(t.Layers, mediatypes.LayerTraits{MediaType: l.MediaType, Title: l.Annotations[ocispec.AnnotationTitle], Annotations: l.Annotations})
	}
	return t
}

// KindBy returns the kind of the artifact. That of an index without a type of its own is the kind of the first manifest in it, which
// kindOf returns.
func (m *Manifest) KindBy(kindOf func(first ocispec.Descriptor) (string, error)) (string, error) {
	kind, ok := kinds.Recognize(m.Traits())
	if inner := oci.Runnable(m.Manifests); !ok && m.IsIndex() && len(inner) > 0 {
		return kindOf(inner[0])
	}
	return kind.Name, nil
}

// Kind returns the kind of the artifact.
func (m *Manifest) Kind() mediatypes.Kind {
	k, _ := kinds.Recognize(m.Traits())
	return k
}

// Pull returns how a pull treats the kind of the manifest.
func (m *Manifest) Pull() kind.Pull { return kinds.Of(m.Kind()).Pull }

// FetchBlob reads a small blob, such as a config, into memory. Data in the descriptor saves the request.
func FetchBlob(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor) ([]byte, error) {
	if err := CheckDocument(desc); err != nil {
		return nil, err
	}
	if data, ok, err := readInline(desc); ok || err != nil {
		return data, err
	}
	rc, err := src.Fetch(ctx, desc)
	if err != nil {
		return nil, &artifact.Error{Op: "fetching", Item: desc.Digest.String(), Err: err}
	}
	defer rc.Close()
	b, err := ReadAll(rc, desc)
	if err != nil {
		return nil, &artifact.Error{Op: "fetching", Item: desc.Digest.String(), Err: err}
	}
	return b, nil
}

// readInline returns the verified bytes embedded in a descriptor, or false if it has no embedded bytes.
func readInline(desc ocispec.Descriptor) ([]byte, bool, error) {
	if desc.Data == nil {
		return nil, false, nil
	}
	if int64(len(desc.Data)) != desc.Size || digest.Digest(desc.Digest.Algorithm().FromBytes(desc.Data)) != desc.Digest {
		return nil, false, artifact.Refused(desc.Digest.String(), "embedded data does not match the descriptor")
	}
	return desc.Data, true, nil
}
