package trust_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/sigstore"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/davit-oci/davit/pull/trust"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
)

// pair is a key pair.
type pair struct {
	private *sign.Key
	public  trust.Key
}

func newPair(t *testing.T, name string) pair {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	// The key has no password, because decrypting a key takes a good part of a second.
	key, err := sign.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&signer.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	check, err := trust.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), name)
	if err != nil {
		t.Fatal(err)
	}
	return pair{key, check}
}

// store is a target with methods that store and sign artifacts.
type store struct {
	*memory.Store
	t *testing.T
}

func newStore(t *testing.T) store { return store{memory.New(), t} }

func (s store) push(mediaType string, data []byte) ocispec.Descriptor {
	s.t.Helper()
	desc := content.NewDescriptorFromBytes(mediaType, data)
	if ok, _ := s.Exists(s.t.Context(), desc); ok {
		return desc
	}
	if err := s.Push(s.t.Context(), desc, bytes.NewReader(data)); err != nil {
		s.t.Fatal(err)
	}
	return desc
}

// manifest stores a manifest with one layer.
func (s store) manifest(artifactType string, subject *ocispec.Descriptor, layer ocispec.Descriptor) ocispec.Descriptor {
	s.t.Helper()
	config := s.push(ocispec.MediaTypeEmptyJSON, []byte("{}"))
	data, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
		Config: config, Layers: []ocispec.Descriptor{layer}, Subject: subject,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.push(ocispec.MediaTypeImageManifest, data)
}

// artifact stores an artifact with one text file.
func (s store) artifact(text string) ocispec.Descriptor {
	return s.manifest("application/x", nil, s.push("text/plain", []byte(text)))
}

// attachBundle attaches a bundle to subject. The bundle need not be valid.
func (s store) attachBundle(subject ocispec.Descriptor, bundle []byte) ocispec.Descriptor {
	return s.manifest(mediatypes.SigstoreBundle, &subject, s.push(mediatypes.SigstoreBundle, bundle))
}

func (s store) sign(desc ocispec.Descriptor, opts sign.Options) []sign.Signature {
	s.t.Helper()
	all, err := sign.Sign(s.t.Context(), s, desc, opts)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s store) verify(opts trust.Options, manifests ...ocispec.Descriptor) (*trust.Report, error) {
	return trust.Verify(s.t.Context(), s, manifests, opts)
}

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	ours, theirs := newPair(t, "ours"), newPair(t, "theirs")
	for _, formats := range [][]sign.Format{{sign.Bundle}, {sign.Legacy}, {sign.Bundle, sign.Legacy}} {
		s := newStore(t)
		one, two := s.artifact("one"), s.artifact("two")
		opts := sign.Options{Key: ours.private, Formats: formats, Repository: "example.com/app"}
		first := s.sign(one, opts)
		again := s.sign(one, opts)
		for i := range first {
			if first[i].Skipped || !again[i].Skipped || first[i].Digest != again[i].Digest {
				t.Errorf("%v: signed twice: got %+v and %+v, want the second skipped", formats, first[i], again[i])
			}
		}
		other := opts
		other.Key = theirs.private
		s.sign(one, other)
		opts.Annotations = map[string]string{"stage": "test"}
		if more := s.sign(one, opts); more[0].Skipped {
			t.Errorf("%v: with annotations: got skipped, want a new signature", formats)
		}
		for _, key := range []trust.Key{ours.public, theirs.public} {
			report, err := s.verify(trust.Options{Keys: []trust.Key{key}}, one)
			if err != nil || report.Verified().Key != key.Name {
				t.Errorf("%v, %s: got %+v, %v, want verified", formats, key.Name, report, err)
			}
		}
		var missing *trust.NotSignedError
		if _, err := s.verify(trust.Options{Keys: []trust.Key{newPair(t, "x").public}}, one); !errors.As(err, &missing) || !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%v: another key: got %v, want a NotSignedError", formats, err)
		}
		if _, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}}, two); !errors.As(err, &missing) || len(missing.Signatures) != 0 {
			t.Errorf("%v: an unsigned artifact: got %v, want a NotSignedError without signatures", formats, err)
		}
		if _, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}}, two, one); err != nil {
			t.Errorf("%v: one of two manifests signed: %v", formats, err)
		}
	}
}

// TestForeignBundles checks that a bundle is not a signature if it has another key, artifact, or type, or is invalid, and that it does
// not hide a valid signature.
func TestForeignBundles(t *testing.T) {
	t.Parallel()
	ours, theirs := newPair(t, "ours"), newPair(t, "theirs")
	s := newStore(t)
	one, two := s.artifact("one"), s.artifact("two")
	bundle := func(statement sigstore.Statement, key *sign.Key) []byte {
		data, err := sigstore.NewBundle(statement, key)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	other := bundle(sigstore.SignatureOf(two.Digest, nil), ours.private)
	attestation := sigstore.SignatureOf(one.Digest, nil)
	attestation.PredicateType = "https://slsa.dev/provenance/v1"
	hinted := bytes.ReplaceAll(bundle(sigstore.SignatureOf(one.Digest, nil), theirs.private),
		[]byte(theirs.public.Hint()), []byte(ours.public.Hint()))
	for name, data := range map[string][]byte{
		"a signature of another artifact": other,
		"an attestation":                  bundle(attestation, ours.private),
		"another key with our hint":       hinted,
		"not JSON":                        []byte("x"),
		"a bundle without content":        []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`),
		"a log entry as evidence": bytes.Replace(bundle(sigstore.SignatureOf(one.Digest, nil), theirs.private),
			[]byte(`"publicKey"`), []byte(`"tlogEntries":[{"logIndex":"1","inclusionPromise":{"signedEntryTimestamp":"AA=="}}],"publicKey"`), 1),
	} {
		s := newStore(t)
		subject := s.artifact("one")
		s.attachBundle(subject, data)
		if report, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}}, subject); !errors.As(err, new(*trust.NotSignedError)) {
			t.Errorf("%s: got %+v, %v, want a NotSignedError", name, report, err)
		}
		// A signature beside the bundle counts.
		s.sign(subject, sign.Options{Key: ours.private})
		if _, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}}, subject); err != nil {
			t.Errorf("%s beside a signature: %v", name, err)
		}
	}
}

func TestLegacyRepository(t *testing.T) {
	t.Parallel()
	ours := newPair(t, "ours")
	s := newStore(t)
	one := s.artifact("one")
	s.sign(one, sign.Options{Key: ours.private, Formats: []sign.Format{sign.Legacy}, Repository: "example.com/app"})
	accepts := func(want string) func(string) bool { return func(got string) bool { return got == want } }
	if _, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}, Accepts: accepts("example.com/app")}, one); err != nil {
		t.Errorf("the signed repository: %v", err)
	}
	_, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}, Accepts: accepts("example.com/other")}, one)
	if !errors.As(err, new(*trust.NotSignedError)) || !strings.Contains(err.Error(), "for example.com/app") {
		t.Errorf("another repository: got %v, want a NotSignedError", err)
	}
	// Move the signature to the tag of another artifact.
	two := s.artifact("two")
	desc, err := s.Resolve(t.Context(), manifest.SignatureTag(one.Digest))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(t.Context(), desc, manifest.SignatureTag(two.Digest)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}}, two); !errors.As(err, new(*trust.NotSignedError)) {
		t.Errorf("the signature of another artifact: got %v, want a NotSignedError", err)
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	ours, theirs := newPair(t, "ours"), newPair(t, "theirs")
	const sbomType, predicate = "application/spdx+json", "https://slsa.dev/provenance/v1"
	s := newStore(t)
	one, two := s.artifact("one"), s.artifact("two")
	s.sign(one, sign.Options{Key: ours.private})
	verify := func(names ...string) error {
		_, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}, Require: names}, one)
		return err
	}
	wantNotSigned := func(step, name, want string) {
		t.Helper()
		if err := verify(name); !errors.As(err, new(*trust.NotSignedError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", step, err, want)
		}
	}
	wantNotSigned("no SBOM", "sbom", "no sbom is attached")
	sbom := s.manifest(sbomType, &one, s.push(sbomType, []byte(`{"spdxVersion":"SPDX-2.3"}`)))
	wantNotSigned("an unsigned SBOM", "sbom", "not signed")
	s.sign(sbom, sign.Options{Key: theirs.private})
	wantNotSigned("an SBOM signed with another key", "sbom", "not signed by a trusted key")
	s.sign(sbom, sign.Options{Key: ours.private})
	if err := verify("sbom"); err != nil {
		t.Errorf("a signed SBOM: %v", err)
	}

	wantNotSigned("no attestation", "attestation="+predicate, "no attestation")
	statement := sigstore.SignatureOf(two.Digest, nil)
	statement.PredicateType = predicate
	attach := func(key *sign.Key) {
		data, err := sigstore.NewBundle(statement, key)
		if err != nil {
			t.Fatal(err)
		}
		s.attachBundle(one, data)
	}
	attach(ours.private)
	wantNotSigned("an attestation about another artifact", "attestation="+predicate, "for another artifact")
	statement.Subjects = sigstore.SignatureOf(one.Digest, nil).Subjects
	attach(theirs.private)
	wantNotSigned("an attestation signed with another key", "attestation="+predicate, "not signed by a trusted key")
	attach(ours.private)
	if err := verify("attestation="+predicate, "sbom"); err != nil {
		t.Errorf("a signed attestation: %v", err)
	}
	for name, want := range map[string]bool{"sbom": true, "attestation=https://x": true, "attestation=": false, "model": false, "none": false} {
		if err := trust.CheckRequirement(name); (err == nil) != want {
			t.Errorf("%q: got %v, want valid %t", name, err, want)
		}
	}
}

// TestLyingList checks that an SBOM that was signed for another artifact does not count, although it is listed as a referrer.
func TestLyingList(t *testing.T) {
	t.Parallel()
	ours := newPair(t, "ours")
	s := newStore(t)
	one, two := s.artifact("one"), s.artifact("two")
	const sbomType = "application/spdx+json"
	sbom := s.manifest(sbomType, &two, s.push(sbomType, []byte(`{"spdxVersion":"SPDX-2.3"}`)))
	for _, desc := range []ocispec.Descriptor{one, two, sbom} {
		s.sign(desc, sign.Options{Key: ours.private})
	}
	lying := lyingStore{s, sbom}
	lying.listed.ArtifactType = sbomType
	_, err := trust.Verify(t.Context(), lying, []ocispec.Descriptor{one}, trust.Options{Keys: []trust.Key{ours.public}, Require: []string{"sbom"}})
	if !errors.As(err, new(*trust.NotSignedError)) {
		t.Errorf("got %v, want a NotSignedError", err)
	}
}

// TestDanglingList checks that a listed SBOM that does not exist is skipped, both alone and before a signed SBOM.
func TestDanglingList(t *testing.T) {
	t.Parallel()
	ours := newPair(t, "ours")
	s := newStore(t)
	one := s.artifact("one")
	s.sign(one, sign.Options{Key: ours.private})
	const sbomType = "application/spdx+json"
	gone := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: sbomType, Digest: digest.FromString("gone"), Size: 4}
	opts := trust.Options{Keys: []trust.Key{ours.public}, Require: []string{"sbom"}}
	_, err := trust.Verify(t.Context(), lyingStore{s, gone}, []ocispec.Descriptor{one}, opts)
	if !errors.As(err, new(*trust.NotSignedError)) {
		t.Errorf("alone: got %v, want a NotSignedError", err)
	}
	sbom := s.manifest(sbomType, &one, s.push(sbomType, []byte(`{"spdxVersion":"SPDX-2.3"}`)))
	s.sign(sbom, sign.Options{Key: ours.private})
	report, err := trust.Verify(t.Context(), lyingStore{s, gone}, []ocispec.Descriptor{one}, opts)
	if err != nil || len(report.Required) != 1 || report.Required[0].Digest != sbom.Digest {
		t.Errorf("before a signed SBOM: got %+v, %v, want %s", report, err, sbom.Digest)
	}
}

// lyingStore lists one more referrer for every manifest, before the others.
type lyingStore struct {
	store
	listed ocispec.Descriptor
}

func (s lyingStore) Predecessors(ctx context.Context, node ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	all, err := s.store.Predecessors(ctx, node)
	return slices.Insert(slices.Clone(all), 0, s.listed), err
}

func (s lyingStore) Referrers(ctx context.Context, desc ocispec.Descriptor, _ string, fn func([]ocispec.Descriptor) error) error {
	all, err := s.Predecessors(ctx, desc)
	if err != nil {
		return err
	}
	return fn(all)
}

func TestTooManySignatures(t *testing.T) {
	t.Parallel()
	ours := newPair(t, "ours")
	s := newStore(t)
	one := s.artifact("one")
	for i := range trust.MaxSignatures + 1 {
		s.attachBundle(one, fmt.Appendf(nil, `{"n":%d}`, i))
	}
	_, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}}, one)
	if !errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), "too many signatures") {
		t.Errorf("got %v, want ErrRefused with \"too many signatures\"", err)
	}
}

func TestSignPlatformsAndReferrers(t *testing.T) {
	t.Parallel()
	ours := newPair(t, "ours")
	s := newStore(t)
	amd, arm := s.artifact("amd64"), s.artifact("arm64")
	amd.Platform, arm.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}, &ocispec.Platform{OS: "linux", Architecture: "arm64"}
	data, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{amd, arm}})
	if err != nil {
		t.Fatal(err)
	}
	index := s.push(ocispec.MediaTypeImageIndex, data)
	const sbomType = "application/spdx+json"
	plain := ocispec.Descriptor{MediaType: amd.MediaType, Digest: amd.Digest, Size: amd.Size}
	sbom := s.manifest(sbomType, &plain, s.push(sbomType, []byte(`{}`)))
	for range 2 {
		s.sign(index, sign.Options{Key: ours.private, EachPlatform: true, Referrers: true})
	}
	for _, desc := range []ocispec.Descriptor{index, amd, arm, sbom} {
		if _, err := s.verify(trust.Options{Keys: []trust.Key{ours.public}}, desc); err != nil {
			t.Error(err)
		}
		list, err := trust.List(t.Context(), s, desc, trust.Options{})
		if err != nil || len(list) != 1 || list[0].Verified || list[0].KeyHint != ours.public.Hint() {
			t.Errorf("List: got %+v, %v, want one unverified signature with the hint of the key", list, err)
		}
	}
}
