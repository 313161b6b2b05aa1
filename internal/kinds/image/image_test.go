package image_test

import (
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/image"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
)

func TestImage(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "image")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `files application/vnd.oci.image.layer.v1.tar+gzip tar+gzip`)
	kindtest.WantJSON(t, kindtest.Finished(t, plan).Config, `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["`+digest.FromString("rootfs").String()+`"]}}`)
	if plan.ArtifactType != "" || plan.ConfigType != mediatypes.ImageConfig || plan.Layers[0].Prefix != "" {
		t.Errorf("got artifactType %q, config type %s, prefix %q, want only an image config", plan.ArtifactType, plan.ConfigType, plan.Layers[0].Prefix)
	}
}

func TestImageOfWasm(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"app/greeting.wasm": string(formattest.GreetingModule())}, "kind: image\nlayers: [app/greeting.wasm]\n")
	if err != nil {
		t.Fatal(err)
	}
	config := string(kindtest.Finished(t, plan).Config)
	if !strings.HasPrefix(config, `{"architecture":"wasm","config":{"Entrypoint":["/greeting.wasm"]},"os":"wasip1","rootfs"`) {
		t.Errorf("config: got %s, want architecture wasm, OS wasip1, and the entrypoint", config)
	}
	if plan.Annotations[image.WasmVariant] != "compat" {
		t.Errorf("annotations: got %v, want variant compat", plan.Annotations)
	}
}

func TestImagePlatforms(t *testing.T) {
	t.Parallel()
	spec, err := artifact.Parse("davit.yaml", []byte(`
kind: image
config: {author: Ann, config: {Env: [A=1]}}
platforms:
  - {platform: linux/arm64/v8, layers: [a/]}
  - {platform: "windows/amd64:10.0", layers: [b/], config: {config: {User: x}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	spec.Created = time.Unix(0, 0)
	plan, err := artifact.Compose(kindtest.Tree(t, map[string]string{"a/x": "", "b/x": ""}).FS(), spec)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"architecture":"arm64","author":"Ann","config":{"Env":["A=1"]},"created":"1970-01-01T00:00:00Z","os":"linux","rootfs":{"diff_ids":[],"type":"layers"},"variant":"v8"}`,
		`{"architecture":"amd64","author":"Ann","config":{"Env":["A=1"],"User":"x"},"created":"1970-01-01T00:00:00Z","os":"windows","os.version":"10.0","rootfs":{"diff_ids":[],"type":"layers"}}`,
	} {
		f, err := plan.Platforms[i].Finish(nil)
		if err != nil || string(f.Config) != want {
			t.Errorf("config: got %s, %v\nwant %s", f.Config, err, want)
		}
	}
}
