package model_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/kinds/model"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
)

func TestModelPack(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "modelpack")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
doc application/vnd.cncf.model.doc.v1.raw raw model/README.md
config application/vnd.cncf.model.weight.config.v1.raw raw model/config.json
weights application/vnd.cncf.model.weight.v1.raw raw model/model.safetensors`)
	if plan.ArtifactType != mediatypes.ModelPackManifest || plan.ConfigType != mediatypes.ModelPackConfig {
		t.Errorf("artifactType %s, config %s", plan.ArtifactType, plan.ConfigType)
	}
	id := func(name string) string { return digest.FromString(name + name).String() }
	kindtest.WantJSON(t, kindtest.Finished(t, plan).Config, `{"descriptor":{"name":"tiny","family":"llama","version":"1.0.0","licenses":["CC0-1.0"]},
  "config":{"architecture":"llama","format":"safetensors","paramSize":"7.00","quantization":"F16"},
  "modelfs":{"type":"layers","diffIds":["`+id("model/README.md")+`","`+id("model/config.json")+`","`+id("model/model.safetensors")+`"]}}`)
	if got := plan.Layers[2].Annotations[mediatypes.ModelPath]; got != "model.safetensors" {
		t.Errorf("the weights go to %q", got)
	}
	if !strings.HasPrefix(plan.Annotations[mediatypes.ModelPackModelfile], "# what modctl would pack") {
		t.Errorf("annotations are %v", plan.Annotations)
	}
}

func TestModelPackTar(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"m/sub/m.gguf": string(formattest.TinyLlama().Bytes()), "m/x.py": ""},
		"kind: modelpack\nname: m\nlayers: [{path: m/sub/m.gguf, packing: tar}, m/x.py]\n")
	if err != nil {
		t.Fatal(err)
	}
	l := plan.Layers[0]
	if l.MediaType != "application/vnd.cncf.model.weight.v1.tar" || l.Prefix != "sub/" {
		t.Errorf("layer is %+v", l)
	}
	kindtest.WantJSON(t, kindtest.Finished(t, plan).Config, `{"descriptor":{"name":"m"},"config":{"architecture":"llama","format":"gguf","paramSize":"1.28k","quantization":"Q4_K_M"},
  "modelfs":{"type":"layers","diffIds":["`+digest.FromString("m/sub/m.ggufm/sub").String()+`","`+digest.FromString("m/x.pym/x.py").String()+`"]}}`)
}

func TestModelfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"FROM llama3\n":         "line 1: modctl knows no command FROM",
		"MODEL\n":               "line 1: MODEL has no argument",
		"# a\n\nNAME a\nNAME b": "line 4: NAME is given twice",
	} {
		if _, err := model.ParseModelfile([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	for name, tt := range map[string]struct{ modelfile, want string }{
		"another name": {"NAME b\nMODEL Modelfile\n", `name "a" contradicts Modelfile, which says "b"`},
		"no such file": {"MODEL *.onnx\n", `names "*.onnx", and there is no such file`},
		"leaves":       {"MODEL ../x.bin\n", `path "../x.bin" leaves`},
	} {
		_, err := kindtest.Compose(t, map[string]string{"Modelfile": tt.modelfile}, "kind: modelpack\nname: a\nlayers: [Modelfile]\n")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %q", name, err, tt.want)
		}
	}
}

// TestModelPackOfNoModel: modctl makes a Modelfile of files among which is a model, code or a dataset.
func TestModelPackOfNoModel(t *testing.T) {
	t.Parallel()
	files := map[string]string{"README.md": "# x\n", "data.csv": "x", "Modelfile": "DOC README.md\n"}
	for layers, want := range map[string]string{"README.md": "no model, code or dataset", "README.md, data.csv": "", "Modelfile": ""} {
		_, err := kindtest.Compose(t, files, "kind: modelpack\nlayers: ["+layers+"]\n")
		if (want == "") != (err == nil) || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", layers, err, want)
		}
	}
}

func TestModelKit(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "modelkit")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
model application/vnd.kitops.modelkit.model.v1.tar tar models/tiny-llama.gguf
code application/vnd.kitops.modelkit.code.v1.tar tar src
docs application/vnd.kitops.modelkit.docs.v1.tar tar README.md`)
	if got := plan.Layers[0].Prefix + " " + plan.Layers[1].Prefix + " " + plan.Layers[2].Prefix; got != "models/ src/ " {
		t.Errorf("prefixes are %q", got)
	}
	id := func(l spec.Layer) string { return digest.FromString(l.Title + l.Path).String() }
	ids := func(i int) string {
		return `"digest":"` + id(plan.Layers[i]) + `","diffId":"` + id(plan.Layers[i]) + `"`
	}
	kindtest.WantJSON(t, kindtest.Finished(t, plan).Config, `{"manifestVersion":"1.0.0",
  "package":{"name":"tiny-llama","version":"1.0.0","description":"a model with zero weights","authors":["Ann"]},
  "model":{"name":"tiny-llama","path":"models/tiny-llama.gguf","framework":"llama.cpp","license":"CC0-1.0",`+ids(0)+`},
  "code":[{"path":"src","description":"how to run it",`+ids(1)+`}],"docs":[{"path":"README.md",`+ids(2)+`}]}`)
}

func TestModelKitOfEverything(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"Kitfile": `manifestVersion: 1.0.0
model:
  path: .
  parts: [{path: adapters}]
datasets: [{name: d, path: data/d.csv}]
prompts: [{path: p.md}]
mcpServers: [{name: s, path: s.mcpb}]
`, "w.bin": "", "adapters/a.bin": "", "data/d.csv": "", "p.md": "", "s.mcpb": ""}, "kind: modelkit\nlayers: [Kitfile]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
model application/vnd.kitops.modelkit.model.v1.tar tar model
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar adapters
code application/vnd.kitops.modelkit.code.v1.tar tar p.md
dataset application/vnd.kitops.modelkit.dataset.v1.tar tar data/d.csv
mcp application/vnd.kitops.modelkit.mcpb.v1.tar tar s.mcpb`)
	for name, want := range map[string]bool{"w.bin": false, "adapters": true, "data": false, "data/d.csv": true, "Kitfile": true, "davit.yaml": true} {
		if got := plan.Layers[0].Exclude(name, false); got != want {
			t.Errorf("the model leaves out %s: %v, want %v", name, got, want)
		}
	}
	if plan.Layers[2].Annotations[mediatypes.ModelKitSubtype] != "prompt" {
		t.Errorf("the prompt's annotations are %v", plan.Layers[2].Annotations)
	}
	kindtest.Finished(t, plan)
}

func TestModelKitWithoutKitfile(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"m/w.gguf": "x", "m/tokenizer.json": "x", "m/data.csv": "x"},
		"kind: modelkit\nname: demo\nconfig: {model: {license: MIT}}\nlayers: [m/w.gguf, m/tokenizer.json, m/data.csv]\n")
	if err != nil {
		t.Fatal(err)
	}
	config := string(kindtest.Finished(t, plan).Config)
	for _, want := range []string{`"package":{"name":"demo"}`, `"license":"MIT"`, `"path":"m/w.gguf"`, `"parts":[{"diffId":"sha256:`, `"datasets":[{`} {
		if !strings.Contains(config, want) {
			t.Errorf("config lacks %s: %s", want, config)
		}
	}
}

// TestTarsOfFilesBesideTheDeclaration: files that stand in no directory are titled by their names, each tar.
func TestTarsOfFilesBesideTheDeclaration(t *testing.T) {
	t.Parallel()
	files := map[string]string{"w.gguf": string(formattest.TinyLlama().Bytes()), "a.py": "x"}
	for declaration, want := range map[string]string{
		"kind: modelkit\nname: demo\nlayers: [w.gguf, a.py]\n": `
model application/vnd.kitops.modelkit.model.v1.tar tar w.gguf
code application/vnd.kitops.modelkit.code.v1.tar tar a.py`,
		"kind: modelpack\nname: demo\nlayers: [{path: w.gguf, packing: tar}, {path: a.py, packing: tar}]\n": `
weights application/vnd.cncf.model.weight.v1.tar tar w.gguf
code application/vnd.cncf.model.code.v1.tar tar a.py`,
	} {
		plan, err := kindtest.Compose(t, files, declaration)
		if err != nil {
			t.Error(err)
			continue
		}
		kindtest.WantLines(t, kindtest.LayerLines(plan), want)
		if len(plan.Notes) > 0 {
			t.Errorf("notes %q", plan.Notes)
		}
	}
}

func TestKitfileRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ kitfile, want string }{
		"another name": {"manifestVersion: 1.0.0\npackage: {name: b}\ncode: [{path: Kitfile}]\n", `name "a" contradicts Kitfile, which says "b"`},
		"no files":     {"manifestVersion: 1.0.0\n", "names no files"},
		"missing file": {"manifestVersion: 1.0.0\nmodel: {path: m.gguf}\n", `names "m.gguf", which does not exist`},
		"leaves":       {"manifestVersion: 1.0.0\nmodel: {path: ../m.gguf}\n", `path "../m.gguf" leaves`},
		"no path":      {"manifestVersion: 1.0.0\ncode: [{description: x}]\n", "an element of code has no path"},
	} {
		_, err := kindtest.Compose(t, map[string]string{"Kitfile": tt.kitfile}, "kind: modelkit\nname: a\nlayers: [Kitfile]\n")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %q", name, err, tt.want)
		}
	}
}
