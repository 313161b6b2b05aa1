package interop

import (
	"encoding/json"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestBundleMeetsTektonRules checks what Tekton's bundle resolver requires: each layer is a tar of one file, and its annotations name
// the object in the file.
func TestBundleMeetsTektonRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "tasks") + ":1.0.0"
	push(t, example("tekton-bundle"), "", ref)
	m, _ := manifestOf(t, ref)
	if len(m.Layers) != 2 || m.Config.MediaType != ocispec.MediaTypeImageConfig {
		t.Fatalf("got the manifest %+v", m)
	}
	for i, want := range []map[string]string{
		{"dev.tekton.image.name": "greeting", "dev.tekton.image.kind": "task", "dev.tekton.image.apiVersion": "v1"},
		{"dev.tekton.image.name": "greetings", "dev.tekton.image.kind": "pipeline", "dev.tekton.image.apiVersion": "v1"},
	} {
		for key, value := range want {
			if got := m.Layers[i].Annotations[key]; got != value {
				t.Errorf("layer %d: %s: got %q, want %q", i, key, got, value)
			}
		}
		headers := tarHeaders(t, blobOf(t, ref, m.Layers[i]))
		if len(headers) != 1 || headers[0].Name != want["dev.tekton.image.name"] || headers[0].Mode != 0o600 {
			t.Errorf("layer %d: got the entries %+v, want %s alone, with mode 0600", i, headers, want["dev.tekton.image.name"])
		}
	}
	wantKind(t, ref, "tekton-bundle")
}

// TestRulesMeetFalcoctlRules checks what falcoctl requires: no artifactType, a config with name, version, and requirements, and one
// layer with a title.
func TestRulesMeetFalcoctlRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "rules") + ":1.0.0"
	push(t, example("falco-rules"), "", ref)
	m, _ := manifestOf(t, ref)
	if m.ArtifactType != "" || len(m.Layers) != 1 || m.Layers[0].Annotations[ocispec.AnnotationTitle] == "" {
		t.Errorf("got the manifest %+v", m)
	}
	type requirement struct{ Name, Version string }
	var config struct {
		Name, Version string
		Requirements  []requirement
	}
	if err := json.Unmarshal(blobOf(t, ref, m.Config), &config); err != nil {
		t.Fatal(err)
	}
	if config.Name != "greeting_rules" || config.Version != "1.0.0" || len(config.Requirements) != 1 || config.Requirements[0] != (requirement{"engine_version_semver", "0.31.0"}) {
		t.Errorf("got the config %+v", config)
	}
	wantKind(t, ref, "falco-rules")
}
