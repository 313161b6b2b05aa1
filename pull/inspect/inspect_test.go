package inspect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/formattest"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/pulltest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestReferrers(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	subject := src.Manifest(t, "v1", src.Layer(t, "a", "A"))
	sbom := src.Referrer(t, subject, "application/spdx+json", "2026-01-02T00:00:00Z")
	older := src.Referrer(t, subject, "application/spdx+json", "2026-01-01T00:00:00Z")
	signature := src.Referrer(t, sbom, "application/vnd.example.signature", "2026-01-01T00:00:00Z")
	tagged := src.Manifest(t, "sha256-"+subject.Digest.Encoded()+".sig", src.Layer(t, "s", "S"))
	for name, c := range map[string]struct {
		opts referrers.Options
		want string
	}{
		"direct":              {referrers.Options{}, fmt.Sprint(older.Digest, sbom.Digest)},
		"recursive":           {referrers.Options{Recursive: true}, fmt.Sprint(older.Digest, sbom.Digest, "(", signature.Digest, ")")},
		"kind":                {referrers.Options{Kind: "sbom"}, fmt.Sprint(older.Digest, sbom.Digest)},
		"artifactType":        {referrers.Options{Kind: "application/spdx+json"}, fmt.Sprint(older.Digest, sbom.Digest)},
		"kind of no referrer": {referrers.Options{Kind: "runbook"}, ""},
		"tags as referrers":   {referrers.Options{Kind: "application/vnd.example.thing", Tags: true}, fmt.Sprint(tagged.Digest)},
	} {
		list, err := referrers.List(t.Context(), src, subject, c.opts)
		if got := strings.ReplaceAll(formatDigests(list), " ", ""); err != nil || got != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: got %s (%v), want %s", name, got, err, c.want)
		}
	}
	if list, err := referrers.List(t.Context(), src, signature, referrers.Options{Recursive: true, Tags: true}); err != nil || len(list) != 0 {
		t.Errorf("a referrer without referrers: got %v, %v, want none", list, err)
	}
}

// formatDigests returns the digests of referrers, each followed by those of its own referrers in parentheses.
func formatDigests(list []*referrers.Referrer) string {
	s := ""
	for _, r := range list {
		s += r.Digest.String()
		if len(r.Referrers) > 0 {
			s += "(" + formatDigests(r.Referrers) + ")"
		}
	}
	return s
}

// barrierSource lists the referrers of a subject only after the referrers of all its subjects have been requested.
type barrierSource struct {
	*pulltest.Source
	barrier  sync.WaitGroup
	subjects map[digest.Digest]bool
}

func (s *barrierSource) Predecessors(ctx context.Context, subject ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if s.subjects[subject.Digest] {
		s.barrier.Done()
		s.barrier.Wait()
	}
	return s.Source.Predecessors(ctx, subject)
}

func TestReferrersOfReferrersAreRequestedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // if a request waits for another one, all goroutines are blocked, and the test fails at once
		src := &barrierSource{Source: pulltest.NewSource(), subjects: map[digest.Digest]bool{}}
		subject := src.Manifest(t, "v1", src.Layer(t, "a", "a"))
		var want string
		for _, year := range []string{"2021", "2022", "2023", "2024"} {
			sbom := src.Referrer(t, subject, "application/spdx+json", year+"-01-01T00:00:00Z")
			signature := src.Referrer(t, sbom, "application/vnd.dev.cosign.artifact.sig.v1+json", year+"-01-01T00:00:00Z")
			src.subjects[sbom.Digest] = true
			want += sbom.Digest.String() + signature.Digest.String()
		}
		src.barrier.Add(len(src.subjects))
		list, err := referrers.List(t.Context(), src, subject, referrers.Options{Recursive: true})
		var got string
		for _, r := range list {
			got += r.Digest.String() + r.Referrers[0].Digest.String()
		}
		if err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	})
}

// TestVerifyWithoutForeignLayers checks that a missing nondistributable layer is not a fault.
func TestVerifyWithoutForeignLayers(t *testing.T) {
	t.Parallel()
	store := pulltest.NewSource()
	for mediaType, faults := range map[string]int{
		ocispec.MediaTypeImageLayerGzip:                                1,
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": 0,
		"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":    0,
	} {
		base := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString("base"), Size: 4}
		store.Manifest(t, "v1", base)
		report, err := inspect.Verify(t.Context(), store, "v1", inspect.VerifyOptions{})
		if err != nil || len(report.Faults) != faults {
			t.Errorf("%s: got %+v, %v, want %d faults", mediaType, report, err, faults)
		}
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	config := src.Add(t, "application/vnd.example.config+json", `{"answer":42}`)
	shared := src.Layer(t, "a", "shared")
	var entries []ocispec.Descriptor
	for _, arch := range []string{"amd64", "arm64"} {
		e := src.Document(t, arch, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
			Config: config, Layers: []ocispec.Descriptor{shared, src.Layer(t, "b", arch)},
		})
		e.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		entries = append(entries, e)
	}
	attestation := src.Manifest(t, "att", src.Layer(t, "", "statement"))
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{oci.AnnotationReferenceType: "attestation-manifest", oci.AnnotationReferenceDigest: entries[1].Digest.String()}
	index := src.Document(t, "v1", ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: append(entries, attestation),
	})
	src.Referrer(t, index, "application/spdx+json", "2026-01-01T00:00:00Z")

	info, err := inspect.Inspect(t.Context(), src, "v1", inspect.Options{Referrers: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Manifests) != 2 || len(info.Manifests[1].Attestations) != 1 || len(info.Manifests[0].Attestations) != 0 {
		t.Errorf("got %+v, want two manifests, the second with an attestation", info)
	}
	own := src.Referrer(t, entries[0], "application/spdx+json", "2026-01-01T00:00:00Z")
	attached, err := referrers.ListPlatforms(t.Context(), src, index, referrers.Options{Kind: "sbom"})
	if err != nil || len(attached) != 1 || attached[0].Digest != entries[0].Digest || attached[0].Referrers[0].Digest != own.Digest {
		t.Errorf("SBOMs of the platforms: got %+v, %v, want %s", attached, err, own.Digest)
	}
	attached, err = referrers.ListPlatforms(t.Context(), src, index, referrers.Options{})
	if err != nil || len(attached) != 2 || attached[1].Referrers[0].Digest != attestation.Digest || attached[1].Platform.Architecture != "arm64" {
		t.Errorf("referrers of the platforms: got %+v, %v, want the attestation of arm64", attached, err)
	}
	if all, err := inspect.Inspect(t.Context(), src, "v1", inspect.Options{Referrers: true}); err != nil ||
		len(all.Manifests[0].Referrers) != 1 || all.Manifests[0].Referrers[0].Digest != own.Digest || len(all.Manifests[1].Referrers) != 0 {
		t.Errorf("Inspect: got %+v, %v, want the SBOM of amd64", all, err)
	}
	if none, err := referrers.ListPlatforms(t.Context(), src, entries[0], referrers.Options{}); err != nil || none != nil {
		t.Errorf("platforms of a manifest: got %v, %v, want none", none, err)
	}
	first := info.Manifests[0]
	if string(first.Config.Content) != `{"answer":42}` || first.Layers[1].Name != "b" || first.Platform.Architecture != "amd64" {
		t.Errorf("first manifest: got %+v, want the content of its config, layer b, and platform amd64", first)
	}
	if len(info.Referrers) != 1 || info.Referrers[0].Kind != "sbom" {
		t.Errorf("referrers: got %v, want one sbom", info.Referrers)
	}
	total := index.Size + entries[0].Size + entries[1].Size + attestation.Size + config.Size + shared.Size +
		int64(len("amd64")+len("arm64")+len("statement")) + 2
	if info.TotalSize != total {
		t.Errorf("total size: got %d, want %d", info.TotalSize, total)
	}
	one, err := inspect.Inspect(t.Context(), src, "v1", inspect.Options{Platform: entries[1].Platform})
	if err != nil || one.Digest != entries[1].Digest || one.Platform == nil {
		t.Errorf("one platform: got %+v, %v, want %s", one, err, entries[1].Digest)
	}
	src.Fetched.Store(0)
	if _, err := inspect.Inspect(t.Context(), src, "v1", inspect.Options{Shallow: true}); err != nil || src.Fetched.Load() != 1 {
		t.Errorf("shallow: got %d fetches, %v, want 1", src.Fetched.Load(), err)
	}
	if b, err := json.Marshal(info); err != nil || !strings.Contains(string(b), `"content":{"answer":42}`) {
		t.Errorf("JSON: got %s, %v, want the content of the config in it", b, err)
	}
}

func TestHugeManifestIsNotRead(t *testing.T) {
	t.Parallel()
	src := pulltest.NewSource()
	desc := src.Add(t, "application/json", `{"schemaVersion":2,"x":"`+strings.Repeat("x", oci.MaxSize)+`"}`)
	if err := src.Tag(t.Context(), desc, "v1"); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect.Inspect(t.Context(), src, "v1", inspect.Options{}); !errors.Is(err, artifact.ErrRefused) || src.Fetched.Load() != 0 {
		t.Errorf("got %v after %d fetches, want ErrRefused after none", err, src.Fetched.Load())
	}
}

func TestReferrersArePulledToo(t *testing.T) {
	t.Parallel()
	src, dst := pulltest.NewSource(), pulltest.NewDir(t)
	one := src.Manifest(t, "one", src.Layer(t, "a", "A"))
	one.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	attestation := src.Manifest(t, "att", src.Layer(t, "statement.json", "{}"))
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{oci.AnnotationReferenceType: "attestation-manifest", oci.AnnotationReferenceDigest: one.Digest.String()}
	index := src.Document(t, "v1", ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{one, attestation},
	})
	sbom := src.Document(t, "sbom", ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/spdx+json",
		Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{src.Layer(t, "sbom.json", "S")}, Subject: &index,
	})
	src.Referrer(t, index, "application/vnd.example.signature", "2026-01-01T00:00:00Z") // has no files
	for _, skipped := range []bool{false, true} {
		r, err := pull.Artifact(t.Context(), src, "v1", dst, pull.Options{NoSync: true, State: pulltest.Beside(dst), Referrers: true, Selection: pull.Selection{Platform: one.Platform}})
		if err != nil || len(r.Referrers) != 2 || r.Skipped != skipped {
			t.Fatalf("got %+v, %v, want two referrers, skipped %t", r, err, skipped)
		}
		short := func(d ocispec.Descriptor) string { return d.Digest.Encoded()[:12] }
		s, a := "referrers/sbom-"+short(sbom)+"/", "referrers/attestation-"+short(attestation)+"/"
		pulltest.WantFiles(t, dst, map[string]string{
			"a": "A", "referrers/": "", s: "", s + "sbom.json": "S", a: "", a + "statement.json": "{}",
		})
	}
}

// TestLayerNames checks that layers without titles have the same names as after a pull, and that GGUF without an extension is
// detected by its magic number.
func TestLayerNames(t *testing.T) {
	t.Parallel()
	gguf := string(formattest.TinyLlama().Bytes())
	base := pulltest.NewSource()
	src := &countingSource{Source: base, whole: map[digest.Digest][]byte{digest.FromString(gguf): []byte(gguf), digest.FromString("GGU"): []byte("GGU")}}
	untitled := base.Add(t, mediatypes.ModelGGUF, gguf)
	config := base.Add(t, mediatypes.ModelConfig, "{}")
	base.Document(t, "model", ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{untitled}})
	const weights = "application/vnd.cncf.model.weight.v1.raw"
	blob, short := base.Add(t, weights, gguf), base.Add(t, weights, "GGU")
	blob.Annotations = map[string]string{mediatypes.ModelPath: "sha256-12"}
	short.Annotations = map[string]string{mediatypes.ModelPath: "short"}
	config = base.Add(t, mediatypes.ModelPackConfig, "{}")
	base.Document(t, "pack", ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{blob, short}})
	for tag, want := range map[string]string{"model": "[model.gguf 2]", "pack": "[sha256-12 2][short 0]"} {
		info, err := inspect.Inspect(t.Context(), src, tag, inspect.Options{Tensors: true})
		if err != nil {
			t.Errorf("%s: %v", tag, err)
			continue
		}
		got := ""
		for _, l := range info.Layers {
			got += fmt.Sprintf("[%s %d]", l.Name, len(l.Tensors))
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", tag, got, want)
		}
	}
}

// countingSource counts the bytes that FetchRange reads.
type countingSource struct {
	*pulltest.Source
	whole map[digest.Digest][]byte
	read  int64
}

func (s *countingSource) FetchRange(_ context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	s.read += length
	return io.NopCloser(bytes.NewReader(s.whole[desc.Digest][offset : offset+length])), nil
}

func TestTensors(t *testing.T) {
	t.Parallel()
	gguf := string(formattest.TinyLlama().Bytes())
	padding := 8 << 20
	safetensors := string(formattest.Safetensors(fmt.Sprintf(`{"w":{"dtype":"U8","shape":[2,%d],"data_offsets":[0,%d]}}`, padding/2, padding), padding))
	for name, tt := range map[string]struct{ content, want string }{
		"m.gguf":          {gguf, "[{token_embd.weight Q4_K [256 4] 576} {blk.0.attn_norm.weight F32 [256] 1024}]"},
		"m.safetensors":   {safetensors, fmt.Sprintf("[{w U8 [2 %d] %d}]", padding/2, padding)},
		"README.md":       {"GGUF", "[]"},
		"bad.gguf":        {"GGUF", "error"},
		"bad.safetensors": {"\x05\x00\x00\x00\x00\x00\x00\x00{", "error"},
	} {
		base := pulltest.NewSource()
		src := &countingSource{Source: base, whole: map[digest.Digest][]byte{digest.FromString(tt.content): []byte(tt.content)}}
		base.Manifest(t, "v1", base.Layer(t, name, tt.content))
		info, err := inspect.Inspect(t.Context(), src, "v1", inspect.Options{Tensors: true})
		got := "error"
		if err == nil {
			got = fmt.Sprint(info.Layers[0].Tensors)
		}
		if got != tt.want {
			t.Errorf("%s: got %s (%v), want %s", name, got, err, tt.want)
		}
		if src.read > 512<<10 {
			t.Errorf("%s: read %d of %d bytes, want at most 512 KiB", name, src.read, len(tt.content))
		}
	}
}
