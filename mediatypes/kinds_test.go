package mediatypes

import (
	"encoding/json"
	"mime"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestAllIsSortedAndUnique(t *testing.T) {
	t.Parallel()
	var names []string
	for _, k := range All() {
		names = append(names, k.Name)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("All: got %v, want sorted and unique names", names)
	}
}

func TestEveryKindIsSound(t *testing.T) {
	t.Parallel()
	for _, k := range All() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			if k.Summary == "" || strings.Contains(k.Summary, "\n") {
				t.Errorf("summary %q: want one line", k.Summary)
			}
			if !k.ReadOnly && !strings.HasPrefix(k.Example, "kind: "+k.Name+"\n") {
				t.Errorf("example %q: want it to begin with the kind", k.Example)
			}
			if k.ArtifactType == "" && k.Config.MediaType == "" && !k.TypeFromLayer && len(k.Types) == 0 {
				t.Error("nothing in the manifest tells the kind")
			}
			if _, err := json.Marshal(k.Config); err != nil {
				t.Errorf("config is not JSON: %v", err)
			}
			for _, mediaType := range append([]string{k.ArtifactType, k.Config.MediaType}, k.Types...) {
				checkMediaType(t, mediaType)
			}
			for _, l := range k.Layers {
				checkLayer(t, l)
			}
		})
	}
}

func checkLayer(t *testing.T, l LayerType) {
	t.Helper()
	if l.Role == "" || l.MediaType == "" {
		t.Errorf("layer %+v: want a role and a media type", l)
	}
	checkMediaType(t, l.MediaType)
	for packing, mediaType := range l.MediaTypes {
		if !slices.Contains([]Packing{Raw, Tar, TarGzip, TarZstd}, packing) {
			t.Errorf("role %s: packing %q", l.Role, packing)
		}
		checkMediaType(t, mediaType)
	}
	for _, pattern := range l.Match {
		if _, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), ""); err != nil {
			t.Errorf("role %s: pattern %q: %v", l.Role, pattern, err)
		}
	}
	if l.Max > 0 && l.Min > l.Max {
		t.Errorf("role %s: at least %d and at most %d", l.Role, l.Min, l.Max)
	}
}

func checkMediaType(t *testing.T, mediaType string) {
	t.Helper()
	if mediaType == "" {
		return
	}
	if got, _, err := mime.ParseMediaType(mediaType); err != nil || !strings.Contains(got, "/") {
		t.Errorf("media type %q: %v", mediaType, err)
	}
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		in    Traits
		want  string
		known bool
	}{
		{"artifact type", Traits{ArtifactType: DocsArtifact, ConfigType: EmptyJSON}, "docs", true},
		{"config type under a foreign artifact type", Traits{ArtifactType: "application/x", ConfigType: RunbookConfig}, "runbook", true},
		{"what oras pushes", Traits{ArtifactType: UnknownArtifact, ConfigType: EmptyJSON}, "generic", true},
		{"sbom of a scanner", Traits{ArtifactType: CycloneDXJSON, ConfigType: EmptyJSON}, "sbom", true},
		{"sbom by its config", Traits{ConfigType: SPDXJSON}, "sbom", true},
		{"sbom by its layer alone", Traits{ConfigType: ImageConfig, Layers: []LayerTraits{{MediaType: "text/spdx"}}}, "sbom", true},
		{"layers tell no other kind", Traits{ArtifactType: "application/x", Layers: []LayerTraits{{MediaType: "text/markdown"}}}, "generic", false},
		{"notation", Traits{ConfigType: NotarySignature}, "signature", true},
		{"cosign by tag", Traits{ConfigType: ImageConfig, Layers: []LayerTraits{{MediaType: SimpleSigning}}}, "signature", true},
		{"cosign bundle", Traits{ArtifactType: SigstoreBundle, Annotations: map[string]string{BundleContent: "dsse-envelope", BundlePredicateType: CosignStatement}}, "signature", true},
		{"attestation bundle", Traits{ArtifactType: SigstoreBundle, Annotations: map[string]string{BundleContent: "dsse-envelope"}}, "attestation", true},
		{"BuildKit", Traits{ArtifactType: BuildKitAttestation, ConfigType: EmptyJSON}, "attestation", true},
		{"BuildKit of old", Traits{ConfigType: ImageConfig, Layers: []LayerTraits{{MediaType: InToto}, {MediaType: InToto}}}, "attestation", true},
		{"bottle", Traits{Annotations: map[string]string{GitHubPackageType: "homebrew_bottle"}}, "bottle", true},
		{"bottle in an index", Traits{Annotations: map[string]string{BottleDigest: "0"}}, "bottle", true},
		{"feature", Traits{ConfigType: DevContainer, Layers: []LayerTraits{{DevContainerLayer, "devcontainer-feature-a.tgz"}}}, "feature", true},
		{"template", Traits{ConfigType: DevContainer, Layers: []LayerTraits{{DevContainerLayer, "devcontainer-template-a.tgz"}}}, "template", true},
		{"collection", Traits{ConfigType: DevContainer, Layers: []LayerTraits{{DevContainerCollection, "devcontainer-collection.json"}}}, "collection", true},
		{"compose before artifactType", Traits{ConfigType: ComposeConfig10}, "compose", true},
		{"model directory", Traits{ConfigType: ModelDirConfig}, "model", true},
		{"modelpack of old", Traits{ArtifactType: "application/vnd.cnai.model.manifest.v1+json"}, "modelpack", true},
		{"wasm of old", Traits{ConfigType: "application/vnd.wasm.config.v1+json"}, "wasm", true},
		{"volume", Traits{ConfigType: ImageConfig, Annotations: map[string]string{KindAnnotation: "volume"}}, "volume", true},
		{"image", Traits{ConfigType: DockerConfig}, "image", true},
		{"vex in CycloneDX", Traits{ArtifactType: VEXArtifact, Layers: []LayerTraits{{MediaType: CycloneDXJSON}}}, "vex", true},
		{"nothing", Traits{}, "generic", false},
		{"an empty config is no type", Traits{ConfigType: EmptyJSON}, "generic", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, known := Recognise(tc.in)
			if got.Name != tc.want || known != tc.known {
				t.Errorf("got %s, %v, want %s, %v", got.Name, known, tc.want, tc.known)
			}
		})
	}
}

func TestTypesBelongToOneKind(t *testing.T) {
	t.Parallel()
	for _, k := range All() {
		for _, own := range append([]string{k.ArtifactType}, k.Types...) {
			if got, ok := ByArtifactType(own); ok && got.Name != k.Name {
				t.Errorf("%s: kind %s has it, but ByArtifactType finds %s", own, k.Name, got.Name)
			}
		}
	}
}

func TestLayerTypeFor(t *testing.T) {
	t.Parallel()
	l := LayerType{MediaType: "text/plain", MediaTypes: map[Packing]string{TarGzip: LayerTarGzip}}
	for _, tc := range []struct {
		packing Packing
		want    string
		ok      bool
	}{{Raw, "text/plain", true}, {TarGzip, LayerTarGzip, true}, {TarZstd, "", false}} {
		if got, ok := l.For(tc.packing); got != tc.want || ok != tc.ok {
			t.Errorf("%s: got %q, %v, want %q, %v", tc.packing, got, ok, tc.want, tc.ok)
		}
	}
}
