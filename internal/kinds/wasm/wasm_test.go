package wasm_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/opencontainers/go-digest"
)

func TestWasmConfig(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "wasm")
	config := func(files map[string]string, yaml string) string {
		plan, err := kindtest.Compose(t, files, yaml)
		if err != nil {
			t.Fatal(err)
		}
		return string(kindtest.Finished(t, plan).Config)
	}
	layer := digest.FromString("greeting.wasmgreeting.wasm")
	kindtest.WantJSON(t, kindtest.Finished(t, plan).Config, `{"created": "1970-01-01T00:00:00Z", "author": null, "architecture": "wasm", "os": "wasip1",
  "layerDigests": ["`+layer.String()+`"]}`)
	component := config(map[string]string{"a.wasm": string(formattest.TinyComponent())},
		"kind: wasm\nlayers: [a.wasm]\nconfig: {author: Ann, component: {target: 'a:b/c@1.0.0'}}\n")
	kindtest.WantJSON(t, []byte(component), `{"created": "1970-01-01T00:00:00Z", "author": "Ann", "architecture": "wasm", "os": "wasip2",
  "component": {"exports": ["wasi:http/incoming-handler@0.2.1"], "imports": ["wasi:io/streams@0.2.0", "log"], "target": "a:b/c@1.0.0"},
  "layerDigests": ["`+digest.FromString("a.wasma.wasm").String()+`"]}`)
	_, err := kindtest.Compose(t, map[string]string{"a.wasm": "\x00asm\x01\x00\x00\x00\x02\x7f"}, "kind: wasm\nlayers: [a.wasm]\n")
	if err == nil || !strings.Contains(err.Error(), `davit.yaml:2:10: "a.wasm": truncated WebAssembly binary: section 2 ends at byte`) {
		t.Errorf("truncated: got %v, want \"truncated WebAssembly binary\"", err)
	}
}

// TestWasmForKubewarden checks that a policy with Kubewarden's media type gets an empty config, as kwctl pushes it.
func TestWasmForKubewarden(t *testing.T) {
	t.Parallel()
	files := map[string]string{"policy.wasm": string(formattest.GreetingModule())}
	declared := "kind: wasm\nlayers: [{path: policy.wasm, mediaType: application/vnd.wasm.content.layer.v1+wasm}]\n"
	plan, err := kindtest.Compose(t, files, declared)
	if err != nil {
		t.Fatal(err)
	}
	if got := kindtest.ConfigOf(t, plan); got != "{}" || plan.ConfigType != "application/vnd.wasm.config.v1+json" || plan.ArtifactType != "" {
		t.Errorf("got config %s of type %s, artifactType %q, want an empty config of the wasm type, and none", got, plan.ConfigType, plan.ArtifactType)
	}
	if _, err := kindtest.Compose(t, files, declared+"config: {author: Ann}\n"); err == nil || !strings.Contains(err.Error(), "must be empty") {
		t.Errorf("with a config: got %v, want \"must be empty\"", err)
	}
}
