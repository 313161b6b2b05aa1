package read_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/pulltest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

func TestReadableChoosesALayer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ titles, want string }{
		{"LICENSE notes.md docs/README.md README.md index.md", "README.md"},
		{"a/b/README.md index.md", "index.md"},
		{"other.md modelcard.md runbook.md", "modelcard.md"},
		{"other.md runbook.md", "runbook.md"},
		{"LICENSE.txt b.md a/a.md", "b.md"},
		{"Readme.txt LICENSE", "Readme.txt"},
		{"data.bin COPYING", "COPYING"},
		{"a/b/c/d/README.md NOTICE", "NOTICE"},
	} {
		src := pulltest.NewSource()
		var layers []ocispec.Descriptor
		for title := range strings.FieldsSeq(test.titles) {
			layers = append(layers, src.Layer(t, title, "text of "+title))
		}
		src.Manifest(t, "v1", layers...)
		doc, err := read.Readable(t.Context(), src, "v1", read.ReadableOptions{})
		if err != nil || doc.Path != test.want || doc.Text != "text of "+test.want {
			t.Errorf("%s: got %+v, %v, want %s", test.titles, doc, err, test.want)
		}
		if n := src.Fetched.Load(); n != 2 {
			t.Errorf("%s: got %d fetches, want 2", test.titles, n)
		}
	}
}

func TestReadableRefuses(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	lie := src.Layer(t, "README.md", "truth")
	src.Manifest(t, "lie", lie)
	src.Lie = map[digest.Digest][]byte{lie.Digest: []byte("other")}
	src.Manifest(t, "long", src.Layer(t, "README.md", strings.Repeat("x", read.MaxText+1)))
	src.Manifest(t, "binary", src.Layer(t, "README.md", "a\x00b"))
	src.Manifest(t, "nothing")
	for _, test := range []struct {
		ref, path string
		want      error
	}{
		{"lie", "", artifact.ErrRefused},
		{"long", "", read.ErrNothingReadable},
		{"long", "README.md", read.ErrNotReadable},
		{"binary", "", read.ErrNotReadable},
		{"nothing", "", read.ErrNothingReadable},
		{"nothing", "x", errdef.ErrNotFound},
		{"none", "", errdef.ErrNotFound},
	} {
		if doc, err := read.Readable(t.Context(), src, test.ref, read.ReadableOptions{Path: test.path}); !errors.Is(err, test.want) {
			t.Errorf("%s %s: got %+v, %v, want %v", test.ref, test.path, doc, err, test.want)
		}
	}
}

func TestReadableSummarizesAnSBOM(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	typed := func(tag, mediaType, data string) {
		l := src.Add(t, mediaType, data)
		src.Add(t, ocispec.MediaTypeEmptyJSON, "{}")
		src.Document(t, tag, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: mediaType,
			Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{l},
		})
	}
	sbom := func(tag, data string) { typed(tag, mediatypes.SPDXJSON, data) }
	sbom("long", `{"spdxVersion": "SPDX-2.3", "packages": [`+strings.Repeat(`{"licenseDeclared": "MIT"},`, 200_000)+`{}]}`)
	doc, err := read.Readable(t.Context(), src, "long", read.ReadableOptions{})
	if err != nil || doc.SBOM == nil || doc.SBOM.Components != 200_001 || doc.Text != "" {
		t.Errorf("a long SBOM: got %+v, %v, want 200001 components", doc, err)
	}
	typed("syft", "application/vnd.syft+json", `{"artifacts": [{}], "schema": {"version": "16.0.0", "url": "https://raw.githubusercontent.com/anchore/syft/main/x"}}`)
	doc, err = read.Readable(t.Context(), src, "syft", read.ReadableOptions{})
	if err != nil || doc.SBOM == nil || doc.SBOM.Format != "Syft 16.0.0" || doc.SBOM.Components != 1 {
		t.Errorf("a Syft SBOM: got %+v, %v, want format Syft 16.0.0 and one component", doc, err)
	}
	sbom("other", `{"name": "x"}`)
	doc, err = read.Readable(t.Context(), src, "other", read.ReadableOptions{})
	if err != nil || doc.SBOM != nil || doc.Text != `{"name": "x"}` {
		t.Errorf("another document: got %+v, %v, want its text and no SBOM", doc, err)
	}
	sbom("lie", `{"spdxVersion": "SPDX-2.3"}`)
	lying := src.Add(t, mediatypes.SPDXJSON, `{"spdxVersion": "SPDX-2.3"}`)
	src.Lie = map[digest.Digest][]byte{lying.Digest: []byte(`{"spdxVersion": "SPDX-2.2"}`)}
	if _, err = read.Readable(t.Context(), src, "lie", read.ReadableOptions{}); !errors.Is(err, artifact.ErrRefused) {
		t.Errorf("changed content: got %v, want ErrRefused", err)
	}
}

func TestReadableOpensEnvelopes(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	for _, test := range []struct{ tag, statement, want string }{
		{"sbom", `{"predicateType": "https://spdx.dev/Document", "predicate": {"spdxVersion": "SPDX-2.3", "packages": [{}]}}`, ""},
		{"provenance", `{"predicateType": "https://slsa.dev/provenance/v1"}`, `{"predicateType": "https://slsa.dev/provenance/v1"}`},
	} {
		envelope := fmt.Sprintf(`{"payloadType": %q, "payload": %q, "signatures": [{"sig": ""}]}`, mediatypes.InToto, base64.StdEncoding.EncodeToString([]byte(test.statement)))
		bundle := `{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": ` + envelope + `}`
		for mediaType, data := range map[string]string{mediatypes.DSSE: envelope, mediatypes.SigstoreBundle: bundle} {
			l := src.Add(t, mediaType, data)
			src.Document(t, test.tag, ocispec.Manifest{
				Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: mediaType,
				Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{l},
			})
			doc, err := read.Readable(t.Context(), src, test.tag, read.ReadableOptions{})
			if err != nil || doc.Signature != read.NotVerified || (doc.SBOM == nil) != (test.want != "") || doc.SBOM == nil && doc.Text != test.want {
				t.Errorf("%s as %s: got %+v, %v, want text %q, an SBOM if it is empty, and signature %q", test.tag, mediaType, doc, err, test.want, read.NotVerified)
			}
		}
	}
}

func TestAttachedPrefersTheKindItself(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	subject := src.Manifest(t, "v1", src.Layer(t, "a", "a"))
	bundle := src.Document(t, "bundle", ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: mediatypes.SigstoreBundle,
		Config: src.Add(t, ocispec.MediaTypeEmptyJSON, "{}"), Layers: []ocispec.Descriptor{ocispec.DescriptorEmptyJSON}, Subject: &subject,
		Annotations: map[string]string{mediatypes.BundleContent: "dsse-envelope", mediatypes.BundlePredicateType: "https://spdx.dev/Document"},
	})
	found, err := referrers.Find(t.Context(), src, subject, referrers.AttachedOptions{Kind: "sbom"})
	if err != nil || found.Referrers[0].Digest != bundle.Digest {
		t.Errorf("a bundle with an SBOM: got %+v, %v, want %s", found, err, bundle.Digest)
	}
	sbom := src.Referrer(t, subject, mediatypes.SPDXJSON, "2026-01-01T00:00:00Z")
	found, err = referrers.Find(t.Context(), src, subject, referrers.AttachedOptions{Kind: "sbom"})
	if err != nil || len(found.Referrers) != 1 || found.Referrers[0].Digest != sbom.Digest {
		t.Errorf("an SBOM and a bundle with an SBOM: got %+v, %v, want only %s", found, err, sbom.Digest)
	}
}

func TestAttachedToAnotherPlatform(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	var entries []ocispec.Descriptor
	for _, arch := range []string{"amd64", "arm64"} {
		e := src.Manifest(t, arch, src.Layer(t, "a", arch))
		e.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		entries = append(entries, e)
	}
	index := src.Document(t, "v1", ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: entries,
	})
	if err := src.Tag(t.Context(), index, index.Digest.String()); err != nil { // a memory store resolves names only
		t.Fatal(err)
	}
	want := src.Referrer(t, entries[1], mediatypes.RunbookArtifact, "2026-01-01T00:00:00Z")
	opts := referrers.AttachedOptions{Kind: "runbook"}
	found, err := referrers.Find(t.Context(), src, entries[1], opts)
	if err != nil || found.Place != nil || found.Referrers[0].Digest != want.Digest {
		t.Errorf("of the manifest: got %+v, %v, want %s and no place", found, err, want.Digest)
	}
	found, err = referrers.Find(t.Context(), src, index, opts)
	if err != nil || found.Place == nil || found.Referrers[0].Digest != want.Digest ||
		found.Place.Digest != entries[1].Digest || found.Place.Platform.Architecture != "arm64" {
		t.Errorf("of the index: got %+v, %v, want %s and the place arm64", found, err, want.Digest)
	}
	var none *referrers.NoneAttachedError
	if _, err := referrers.Find(t.Context(), src, index, referrers.AttachedOptions{Kind: "vex"}); !errors.As(err, &none) {
		t.Errorf("another kind: got %v, want a NoneAttachedError", err)
	}
	newer := src.Referrer(t, entries[1], mediatypes.RunbookArtifact, "2026-01-02T00:00:00Z")
	if found, err = referrers.Find(t.Context(), src, entries[1], opts); err != nil || len(found.Referrers) != 2 || found.Referrers[0].Digest != newer.Digest {
		t.Errorf("two runbooks: got %+v, %v, want two, %s first", found, err, newer.Digest)
	}
	opts.Latest = true
	if found, err = referrers.Find(t.Context(), src, entries[1], opts); err != nil || len(found.Referrers) != 1 || found.Referrers[0].Digest != newer.Digest {
		t.Errorf("two runbooks, Latest: got %+v, %v, want only %s", found, err, newer.Digest)
	}
}
