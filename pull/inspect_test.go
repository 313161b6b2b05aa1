package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/davit-oci/davit/artifact"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// referrer stores a manifest that refers to a subject.
func (s *source) referrer(t *testing.T, subject ocispec.Descriptor, artifactType, created string) ocispec.Descriptor {
	t.Helper()
	desc := s.document(t, "r-"+digest.FromString(artifactType + created + subject.Digest.String()).Encoded()[:8], ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
		Config: s.push(t, ocispec.MediaTypeEmptyJSON, "{}"), Layers: []ocispec.Descriptor{ocispec.DescriptorEmptyJSON},
		Subject: &subject, Annotations: map[string]string{ocispec.AnnotationCreated: created},
	})
	return desc
}

func TestReferrers(t *testing.T) {
	t.Parallel()
	src := newSource()
	subject := src.manifest(t, "v1", src.layer(t, "a", "A"))
	sbom := src.referrer(t, subject, "application/spdx+json", "2026-01-02T00:00:00Z")
	older := src.referrer(t, subject, "application/spdx+json", "2026-01-01T00:00:00Z")
	signature := src.referrer(t, sbom, "application/vnd.example.signature", "2026-01-01T00:00:00Z")
	tagged := src.manifest(t, "sha256-"+subject.Digest.Encoded()+".sig", src.layer(t, "s", "S"))
	for name, c := range map[string]struct {
		opts ReferrerOptions
		want string
	}{
		"direct":    {ReferrerOptions{}, fmt.Sprint(older.Digest, sbom.Digest)},
		"recursive": {ReferrerOptions{Recursive: true}, fmt.Sprint(older.Digest, sbom.Digest, "(", signature.Digest, ")")},
		"kind":      {ReferrerOptions{Kind: "sbom"}, fmt.Sprint(older.Digest, sbom.Digest)},
		"type":      {ReferrerOptions{Kind: "application/spdx+json"}, fmt.Sprint(older.Digest, sbom.Digest)},
		"other":     {ReferrerOptions{Kind: "runbook"}, ""},
		"tags":      {ReferrerOptions{Kind: "application/vnd.example.thing", Tags: true}, fmt.Sprint(tagged.Digest)},
	} {
		list, err := Referrers(t.Context(), src, subject, c.opts)
		if got := strings.ReplaceAll(show(list), " ", ""); err != nil || got != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: got %s (%v), want %s", name, got, err, c.want)
		}
	}
	if list, err := Referrers(t.Context(), src, signature, ReferrerOptions{Recursive: true, Tags: true}); err != nil || len(list) != 0 {
		t.Errorf("of one without: %v, %v", list, err)
	}
}

func show(list []*Referrer) string {
	s := ""
	for _, r := range list {
		s += r.Digest.String()
		if len(r.Referrers) > 0 {
			s += "(" + show(r.Referrers) + ")"
		}
	}
	return s
}

// meeting answers about its subjects only when it was asked about all of them.
type meeting struct {
	*source
	together sync.WaitGroup
	subjects map[digest.Digest]bool
}

func (m *meeting) Predecessors(ctx context.Context, subject ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if m.subjects[subject.Digest] {
		m.together.Done()
		m.together.Wait()
	}
	return m.source.Predecessors(ctx, subject)
}

func TestReferrersOfReferrersAreAskedForAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // where one waits for the answer of another, all are asleep, and it fails at once
		src := &meeting{source: newSource(), subjects: map[digest.Digest]bool{}}
		subject := src.manifest(t, "v1", src.layer(t, "a", "a"))
		var want string
		for _, year := range []string{"2021", "2022", "2023", "2024"} {
			sbom := src.referrer(t, subject, "application/spdx+json", year+"-01-01T00:00:00Z")
			signature := src.referrer(t, sbom, "application/vnd.dev.cosign.artifact.sig.v1+json", year+"-01-01T00:00:00Z")
			src.subjects[sbom.Digest] = true
			want += sbom.Digest.String() + signature.Digest.String()
		}
		src.together.Add(len(src.subjects))
		list, err := Referrers(t.Context(), src, subject, ReferrerOptions{Recursive: true})
		var got string
		for _, r := range list {
			got += r.Digest.String() + r.Referrers[0].Digest.String()
		}
		if err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	})
}

// TestVerifyWithoutForeignLayers: what is not distributed is missing everywhere, and a fault nowhere.
func TestVerifyWithoutForeignLayers(t *testing.T) {
	t.Parallel()
	store := newSource()
	for mediaType, faults := range map[string]int{
		ocispec.MediaTypeImageLayerGzip:                                1,
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": 0,
		"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":    0,
	} {
		base := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString("base"), Size: 4}
		store.manifest(t, "v1", base)
		report, err := Verify(t.Context(), store, "v1", VerifyOptions{})
		if err != nil || len(report.Faults) != faults {
			t.Errorf("%s: %+v, %v", mediaType, report, err)
		}
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	src := newSource()
	config := src.push(t, "application/vnd.example.config+json", `{"answer":42}`)
	shared := src.layer(t, "a", "shared")
	var entries []ocispec.Descriptor
	for _, arch := range []string{"amd64", "arm64"} {
		e := src.document(t, arch, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
			Config: config, Layers: []ocispec.Descriptor{shared, src.layer(t, "b", arch)},
		})
		e.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		entries = append(entries, e)
	}
	attestation := src.manifest(t, "att", src.layer(t, "", "statement"))
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{oci.AnnotationReferenceType: "attestation-manifest", oci.AnnotationReferenceDigest: entries[1].Digest.String()}
	index := src.document(t, "v1", ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: append(entries, attestation),
	})
	src.referrer(t, index, "application/spdx+json", "2026-01-01T00:00:00Z")

	info, err := Inspect(t.Context(), src, "v1", InspectOptions{Referrers: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Manifests) != 2 || len(info.Manifests[1].Attestations) != 1 || len(info.Manifests[0].Attestations) != 0 {
		t.Errorf("got %+v", info)
	}
	own := src.referrer(t, entries[0], "application/spdx+json", "2026-01-01T00:00:00Z")
	attached, err := PlatformReferrers(t.Context(), src, index, ReferrerOptions{Kind: "sbom"})
	if err != nil || len(attached) != 1 || attached[0].Digest != entries[0].Digest || attached[0].Referrers[0].Digest != own.Digest {
		t.Errorf("SBOMs of its platforms: %+v, %v", attached, err)
	}
	attached, err = PlatformReferrers(t.Context(), src, index, ReferrerOptions{})
	if err != nil || len(attached) != 2 || attached[1].Referrers[0].Digest != attestation.Digest || attached[1].Platform.Architecture != "arm64" {
		t.Errorf("what its platforms have: %+v, %v", attached, err)
	}
	if all, err := Inspect(t.Context(), src, "v1", InspectOptions{Referrers: true}); err != nil ||
		len(all.Manifests[0].Referrers) != 1 || all.Manifests[0].Referrers[0].Digest != own.Digest || len(all.Manifests[1].Referrers) != 0 {
		t.Errorf("what its platforms have, inspected: %+v, %v", all, err)
	}
	if none, err := PlatformReferrers(t.Context(), src, entries[0], ReferrerOptions{}); err != nil || none != nil {
		t.Errorf("a manifest has the platforms %v, %v", none, err)
	}
	first := info.Manifests[0]
	if string(first.Config.Content) != `{"answer":42}` || first.Layers[1].Name != "b" || first.Platform.Architecture != "amd64" {
		t.Errorf("first manifest %+v", first)
	}
	if len(info.Referrers) != 1 || info.Referrers[0].Kind != "sbom" {
		t.Errorf("referrers %v", info.Referrers)
	}
	total := index.Size + entries[0].Size + entries[1].Size + attestation.Size + config.Size + shared.Size +
		int64(len("amd64")+len("arm64")+len("statement")) + 2
	if info.TotalSize != total {
		t.Errorf("total %d, want %d", info.TotalSize, total)
	}
	one, err := Inspect(t.Context(), src, "v1", InspectOptions{Platform: entries[1].Platform})
	if err != nil || one.Digest != entries[1].Digest || one.Platform == nil {
		t.Errorf("one platform: %+v, %v", one, err)
	}
	src.fetched.Store(0)
	if _, err := Inspect(t.Context(), src, "v1", InspectOptions{Shallow: true}); err != nil || src.fetched.Load() != 1 {
		t.Errorf("shallow: %d fetches, %v", src.fetched.Load(), err)
	}
	if b, err := json.Marshal(info); err != nil || !strings.Contains(string(b), `"content":{"answer":42}`) {
		t.Errorf("as JSON %s, %v", b, err)
	}
}

func TestHugeManifestIsNotRead(t *testing.T) {
	t.Parallel()
	src := newSource()
	desc := src.push(t, "application/json", `{"schemaVersion":2,"x":"`+strings.Repeat("x", oci.MaxSize)+`"}`)
	if err := src.Tag(t.Context(), desc, "v1"); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), src, "v1", InspectOptions{}); !errors.Is(err, artifact.ErrRefused) || src.fetched.Load() != 0 {
		t.Errorf("got %v after %d fetches", err, src.fetched.Load())
	}
}

func TestReferrersArePulledToo(t *testing.T) {
	t.Parallel()
	src, dst := newSource(), newDir(t)
	one := src.manifest(t, "one", src.layer(t, "a", "A"))
	one.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	attestation := src.manifest(t, "att", src.layer(t, "statement.json", "{}"))
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{oci.AnnotationReferenceType: "attestation-manifest", oci.AnnotationReferenceDigest: one.Digest.String()}
	index := src.document(t, "v1", ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{one, attestation},
	})
	sbom := src.document(t, "sbom", ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/spdx+json",
		Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{src.layer(t, "sbom.json", "S")}, Subject: &index,
	})
	src.referrer(t, index, "application/vnd.example.signature", "2026-01-01T00:00:00Z") // says all in its manifest
	for _, skipped := range []bool{false, true} {
		r, err := Artifact(t.Context(), src, "v1", dst, Options{State: beside(dst), Referrers: true, Platform: one.Platform})
		if err != nil || len(r.Referrers) != 2 || r.Skipped != skipped {
			t.Fatalf("got %+v, %v", r, err)
		}
		short := func(d ocispec.Descriptor) string { return d.Digest.Encoded()[:12] }
		s, a := "referrers/sbom-"+short(sbom)+"/", "referrers/attestation-"+short(attestation)+"/"
		want(t, dst, map[string]string{
			"a": "A", "referrers/": "", s: "", s + "sbom.json": "S", a: "", a + "statement.json": "{}",
		})
	}
}
