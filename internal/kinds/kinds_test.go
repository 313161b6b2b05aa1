package kinds_test

import (
	"encoding/json"
	"mime"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/mediatypes"
)

func TestAllIsSortedAndUnique(t *testing.T) {
	t.Parallel()
	var names []string
	for _, k := range kinds.Data() {
		names = append(names, k.Name)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("Data: got %v, want sorted and unique names", names)
	}
}

// TestGuessedKinds checks which kinds are guessed: a name or a general test shows them.
func TestGuessedKinds(t *testing.T) {
	t.Parallel()
	var guessed []string
	for _, k := range kinds.All() {
		if k.IsGuessed() {
			guessed = append(guessed, k.Name)
		}
	}
	if want := []string{"collection", "docs", "model", "modelpack", "volume"}; !slices.Equal(guessed, want) {
		t.Errorf("guessed: got %q, want %q", guessed, want)
	}
}

func TestEveryKindHasAUse(t *testing.T) {
	t.Parallel()
	var used []string
	for _, use := range kinds.Uses() {
		used = append(used, use.Kinds...)
	}
	slices.Sort(used)
	var names []string
	for _, k := range kinds.Data() {
		names = append(names, k.Name)
	}
	if !slices.Equal(used, names) {
		t.Errorf("kinds with a use: got %q, want all kinds, each once: %q", used, names)
	}
}

func TestEveryKindIsValid(t *testing.T) {
	t.Parallel()
	for _, k := range kinds.Data() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			if k.Summary == "" || strings.Contains(k.Summary, "\n") {
				t.Errorf("summary %q: want one line", k.Summary)
			}
			if !k.ReadOnly && !strings.HasPrefix(k.Example, "kind: "+k.Name+"\n") {
				t.Errorf("example %q: want it to begin with the kind", k.Example)
			}
			if k.ArtifactType == "" && k.Config.MediaType == "" && !k.TypeFromLayer && len(k.Types) == 0 {
				t.Error("nothing in the manifest identifies the kind")
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

func checkLayer(t *testing.T, l mediatypes.LayerType) {
	t.Helper()
	if l.Role == "" || l.MediaType == "" {
		t.Errorf("layer %+v: want a role and a media type", l)
	}
	checkMediaType(t, l.MediaType)
	for packing, mediaType := range l.MediaTypes {
		if !slices.Contains(mediatypes.Packings(), packing) {
			t.Errorf("role %s: got packing %q, want one of %q", l.Role, packing, mediatypes.Packings())
		}
		checkMediaType(t, mediaType)
	}
	for _, pattern := range l.Match {
		if _, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), ""); err != nil {
			t.Errorf("role %s: pattern %q: %v", l.Role, pattern, err)
		}
	}
	if l.Max > 0 && l.Min > l.Max {
		t.Errorf("role %s: got minimum %d, want at most the maximum %d", l.Role, l.Min, l.Max)
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

func TestRecognize(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		in    mediatypes.Traits
		want  string
		known bool
	}{
		{"artifact type", mediatypes.Traits{ArtifactType: mediatypes.DocsArtifact, ConfigType: mediatypes.EmptyJSON}, "docs", true},
		{"config type under a foreign artifact type", mediatypes.Traits{ArtifactType: "application/x", ConfigType: mediatypes.RunbookConfig}, "runbook", true},
		{"pushed by oras", mediatypes.Traits{ArtifactType: mediatypes.UnknownArtifact, ConfigType: mediatypes.EmptyJSON}, "generic", true},
		{"CycloneDX JSON as artifact type", mediatypes.Traits{ArtifactType: mediatypes.CycloneDXJSON, ConfigType: mediatypes.EmptyJSON}, "sbom", true},
		{"sbom by its config", mediatypes.Traits{ConfigType: mediatypes.SPDXJSON}, "sbom", true},
		{"sbom by its layer", mediatypes.Traits{ConfigType: mediatypes.ImageConfig, Layers: []mediatypes.LayerTraits{{MediaType: "text/spdx"}}}, "sbom", true},
		{"layer of a kind that layers do not identify", mediatypes.Traits{ArtifactType: "application/x", Layers: []mediatypes.LayerTraits{{MediaType: "text/markdown"}}}, "generic", false},
		{"notation signature", mediatypes.Traits{ConfigType: mediatypes.NotarySignature}, "signature", true},
		{"cosign signature under a tag", mediatypes.Traits{ConfigType: mediatypes.ImageConfig, Layers: []mediatypes.LayerTraits{{MediaType: mediatypes.SimpleSigning}}}, "signature", true},
		{"cosign bundle", mediatypes.Traits{ArtifactType: mediatypes.SigstoreBundle, Annotations: map[string]string{mediatypes.BundleContent: "dsse-envelope", mediatypes.BundlePredicateType: mediatypes.CosignStatement}}, "signature", true},
		{"attestation bundle", mediatypes.Traits{ArtifactType: mediatypes.SigstoreBundle, Annotations: map[string]string{mediatypes.BundleContent: "dsse-envelope"}}, "attestation", true},
		{"BuildKit attestation", mediatypes.Traits{ArtifactType: mediatypes.BuildKitAttestation, ConfigType: mediatypes.EmptyJSON}, "attestation", true},
		{"BuildKit attestation without artifactType", mediatypes.Traits{ConfigType: mediatypes.ImageConfig, Layers: []mediatypes.LayerTraits{{MediaType: mediatypes.InToto}, {MediaType: mediatypes.InToto}}}, "attestation", true},
		{"index of bottles", mediatypes.Traits{Annotations: map[string]string{mediatypes.GitHubPackageType: "homebrew_bottle"}}, "bottle", true},
		{"manifest of a bottle", mediatypes.Traits{Annotations: map[string]string{mediatypes.BottleDigest: "0"}}, "bottle", true},
		{"feature", mediatypes.Traits{ConfigType: mediatypes.DevContainer, Layers: []mediatypes.LayerTraits{{MediaType: mediatypes.DevContainerLayer, Title: "devcontainer-feature-a.tgz"}}}, "feature", true},
		{"template", mediatypes.Traits{ConfigType: mediatypes.DevContainer, Layers: []mediatypes.LayerTraits{{MediaType: mediatypes.DevContainerLayer, Title: "devcontainer-template-a.tgz"}}}, "template", true},
		{"collection", mediatypes.Traits{ConfigType: mediatypes.DevContainer, Layers: []mediatypes.LayerTraits{{MediaType: mediatypes.DevContainerCollection, Title: "devcontainer-collection.json"}}}, "collection", true},
		{"compose without artifactType", mediatypes.Traits{ConfigType: mediatypes.ComposeConfig10}, "compose", true},
		{"model directory", mediatypes.Traits{ConfigType: mediatypes.ModelDirConfig}, "model", true},
		{"modelpack with an old artifact type", mediatypes.Traits{ArtifactType: "application/vnd.cnai.model.manifest.v1+json"}, "modelpack", true},
		{"wasm with an old config type", mediatypes.Traits{ConfigType: "application/vnd.wasm.config.v1+json"}, "wasm", true},
		{"volume", mediatypes.Traits{ConfigType: mediatypes.ImageConfig, Annotations: map[string]string{mediatypes.KindAnnotation: "volume"}}, "volume", true},
		{"image", mediatypes.Traits{ConfigType: mediatypes.DockerConfig}, "image", true},
		{"vex in CycloneDX", mediatypes.Traits{ArtifactType: mediatypes.VEXArtifact, Layers: []mediatypes.LayerTraits{{MediaType: mediatypes.CycloneDXJSON}}}, "vex", true},
		{"pushed by tkn", mediatypes.Traits{ConfigType: mediatypes.DockerConfig, Layers: []mediatypes.LayerTraits{{MediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", Annotations: map[string]string{"dev.tekton.image.kind": "task"}}}}, "tekton-bundle", true},
		{"pushed by conftest", mediatypes.Traits{ConfigType: mediatypes.UnknownConfig, Layers: []mediatypes.LayerTraits{{MediaType: "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego"}}}, "conftest", true},
		{"OPA bundle", mediatypes.Traits{ConfigType: "application/vnd.cncf.openpolicyagent.config.v1+json", Layers: []mediatypes.LayerTraits{{MediaType: mediatypes.LayerTarGzip}}}, "opa", true},
		{"no traits", mediatypes.Traits{}, "generic", false},
		{"only an empty config", mediatypes.Traits{ConfigType: mediatypes.EmptyJSON}, "generic", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, known := kinds.Recognize(tc.in)
			if got.Name != tc.want || known != tc.known {
				t.Errorf("got %s, %t, want %s, %t", got.Name, known, tc.want, tc.known)
			}
		})
	}
}

func TestTypesBelongToOneKind(t *testing.T) {
	t.Parallel()
	for _, k := range kinds.Data() {
		for _, own := range append([]string{k.ArtifactType}, k.Types...) {
			if own == "" {
				continue
			}
			if got, ok := kinds.Recognize(mediatypes.Traits{ArtifactType: own}); ok && got.Name != k.Name {
				t.Errorf("artifactType %s: got kind %s, want %s", own, got.Name, k.Name)
			}
		}
	}
}
