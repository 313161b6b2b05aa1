package image_test

import (
	"fmt"
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
		t.Errorf("artifactType %q, config %s, prefix %q", plan.ArtifactType, plan.ConfigType, plan.Layers[0].Prefix)
	}
}

func TestVolume(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "volume")
	if l := plan.Layers[0]; l.Prefix != "volume-data/" || !l.Preserve || !l.Split || l.Title != "" || plan.Annotations[mediatypes.KindAnnotation] != "volume" {
		t.Errorf("layer is %+v, annotations %v", l, plan.Annotations)
	}
}

func TestVolumeInOnePiece(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"data/a": "a"}, "kind: volume\nlayers: [{path: data/, split: false}]\n")
	if err != nil {
		t.Fatal(err)
	}
	if plan.Layers[0].Split {
		t.Error("it is split")
	}
}

// TestVolumeOfTar: the tar's entries are the volume, as if it were a directory.
func TestVolumeOfTar(t *testing.T) {
	t.Parallel()
	header := strings.Repeat("\x00", 257) + "ustar" + strings.Repeat("\x00", 250)
	for name, content := range map[string]string{"x.tar": header, "empty.tar": strings.Repeat("\x00", 1024), "x.tgz": "\x1f\x8b", "x.tar.zst": "\x28\xb5\x2f\xfd"} {
		plan, err := kindtest.Compose(t, map[string]string{name: content}, "kind: volume\nlayers: ["+name+"]\n")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if l := plan.Layers[0]; !l.Archive || l.Dir || l.Split || !l.Image || !l.Preserve || l.Prefix != "volume-data/" || l.Packing != mediatypes.TarGzip || l.Size != -1 {
			t.Errorf("%s: layer is %+v", name, l)
		}
	}
	for want, layers := range map[string]string{
		`davit.yaml:2:10: "no.tar" plays no role in kind "volume" (expected _data/; */; a tar (*.tar, *.tar.gz, *.tgz, *.tar.zst))`:     "[no.tar]",
		`davit.yaml:2:24: "x.tar" is a tar, whose entries keep their modes and owners`:                                                  "[{path: x.tar, preserve: false}]",
		`davit.yaml:2:24: "x.tar" is a file; only directories can be split`:                                                             "[{path: x.tar, split: true}]",
		`davit.yaml:2:33: kind "volume" does not pack role "data" as raw (one of tar, tar+gzip, tar+zstd; or give a mediaType)`:         "[{path: x.tar, packing: raw}]",
		`davit.yaml:2:10: "dir/.wh.a" can't be in an image: there, a name that begins with .wh. stands for a deleted file (exclude it)`: "[dir]",
	} {
		_, err := kindtest.Compose(t, map[string]string{"no.tar": "no", "x.tar": header, "dir/.wh.a": ""}, "kind: volume\nlayers: "+layers+"\n")
		kindtest.WantLines(t, fmt.Sprint(err), want)
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
		t.Errorf("config is %s", config)
	}
	if plan.Annotations[image.WasmVariant] != "compat" {
		t.Errorf("annotations are %v", plan.Annotations)
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
			t.Errorf("config is %s, %v\nwant %s", f.Config, err, want)
		}
	}
}

func TestFlux(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "flux")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `manifests application/vnd.cncf.flux.content.v1.tar+gzip tar+gzip`)
	config := `{"architecture":"","config":{},"created":"0001-01-01T00:00:00Z","os":"","rootfs":{"diff_ids":["` + digest.FromString("manifests").String() + `"],"type":"layers"}}`
	if got := string(kindtest.Finished(t, plan).Config); got != config || plan.ConfigType != mediatypes.FluxConfig {
		t.Errorf("config is %s %s", plan.ConfigType, got)
	}
	_, err := kindtest.Compose(t, map[string]string{"m/a.yaml": "kind: X\napiVersion: v1\n"}, "kind: flux\nconfig: {revision: x}\nlayers: [m/]\n")
	if err == nil || !strings.Contains(err.Error(), "revision") {
		t.Errorf("a field that is none: %v", err)
	}
}
