package modelkit_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
	digest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestModelKit(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "modelkit")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
model application/vnd.kitops.modelkit.model.v1.tar tar models/tiny-llama.gguf
code application/vnd.kitops.modelkit.code.v1.tar tar src
docs application/vnd.kitops.modelkit.docs.v1.tar tar README.md`)
	if got := plan.Layers[0].Prefix + " " + plan.Layers[1].Prefix + " " + plan.Layers[2].Prefix; got != "models/ src/ " {
		t.Errorf("prefixes: got %q, want \"models/ src/ \"", got)
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

func TestModelKitFromKitfile(t *testing.T) {
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
			t.Errorf("%s left out of the model: got %t, want %t", name, got, want)
		}
	}
	if plan.Layers[2].Annotations[mediatypes.ModelKitSubtype] != "prompt" {
		t.Errorf("annotations of the prompt: got %v, want subtype prompt", plan.Layers[2].Annotations)
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
			t.Errorf("config: got %s, want %s in it", config, want)
		}
	}
}

// TestTitleOfSingleFileTar checks that the tar of a single file beside davit.yaml has the file's name as title.
func TestTitleOfSingleFileTar(t *testing.T) {
	t.Parallel()
	files := map[string]string{"w.gguf": string(formattest.TinyLlama().Bytes()), "a.py": "x"}
	plan, err := kindtest.Compose(t, files, "kind: modelkit\nname: demo\nlayers: [w.gguf, a.py]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
model application/vnd.kitops.modelkit.model.v1.tar tar w.gguf
code application/vnd.kitops.modelkit.code.v1.tar tar a.py`)
	if len(plan.Notes) > 0 {
		t.Errorf("got notes %q, want none", plan.Notes)
	}
}

func TestKitfileRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ kitfile, want string }{
		"another name":               {"manifestVersion: 1.0.0\npackage: {name: b}\ncode: [{path: Kitfile}]\n", `name "a" contradicts Kitfile, which says "b"`},
		"no files":                   {"manifestVersion: 1.0.0\n", "names no files"},
		"missing file":               {"manifestVersion: 1.0.0\nmodel: {path: m.gguf}\n", `names "m.gguf", which does not exist`},
		"path outside the directory": {"manifestVersion: 1.0.0\nmodel: {path: ../m.gguf}\n", `Kitfile:2:15: names "../m.gguf", which is not below`},
		"path named twice":           {"manifestVersion: 1.0.0\ncode: [{path: Kitfile}, {path: ./Kitfile}]\n", `names "Kitfile" twice`},
		"no path":                    {"manifestVersion: 1.0.0\ncode: [{description: x}]\n", "an element of code has no path"},
		"unknown key":                {"manifestVersion: 1.0.0\ndataset: [{path: Kitfile}]\n", `unknown key "dataset", which kit rejects (did you mean "datasets"?)`},
		"unknown key of a part":      {"manifestVersion: 1.0.0\nmodel: {path: Kitfile, parts: [{path: x, kind: lora}]}\n", `unknown key "kind" of parts, which kit rejects`},
		"unknown key of a package":   {"manifestVersion: 1.0.0\npackage: {author: me}\ncode: [{path: Kitfile}]\n", `unknown key "author" of package, which kit rejects (did you mean "authors"?)`},
	} {
		_, err := kindtest.Compose(t, map[string]string{"Kitfile": tt.kitfile}, "kind: modelkit\nname: a\nlayers: [Kitfile]\n")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %q", name, err, tt.want)
		}
	}
}

func TestModelKitChoosesOneModel(t *testing.T) {
	t.Parallel()
	header := `{"%s":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`
	shard := func(name string) string {
		return string(formattest.Safetensors(strings.Replace(header, "%s", name, 1), 2))
	}
	for layers, want := range map[string]string{
		"'*.safetensors', config.json, onnx/": `
model application/vnd.kitops.modelkit.model.v1.tar tar m-00001-of-00002.safetensors
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar m-00002-of-00002.safetensors
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar config.json
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar onnx/m.safetensors
code application/vnd.kitops.modelkit.code.v1.tar tar onnx`,
		"'*.safetensors'": `
model application/vnd.kitops.modelkit.model.v1.tar tar m-00001-of-00002.safetensors
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar m-00002-of-00002.safetensors`,
		"onnx/m.safetensors": "model application/vnd.kitops.modelkit.model.v1.tar tar onnx/m.safetensors",
		"onnx/": `
model application/vnd.kitops.modelkit.model.v1.tar tar onnx/m.safetensors
code application/vnd.kitops.modelkit.code.v1.tar tar onnx`,
	} {
		plan, err := kindtest.Compose(t, map[string]string{
			"m-00001-of-00002.safetensors": shard("a"), "m-00002-of-00002.safetensors": shard("b"), "config.json": "{}", "onnx/m.safetensors": shard("a"), "onnx/x.py": "x",
		}, "kind: modelkit\nlayers: ["+layers+"]\n")
		if err != nil {
			t.Errorf("%s: %v", layers, err)
			continue
		}
		kindtest.WantLines(t, kindtest.LayerLines(plan), want)
		checkKitfile(t, plan)
	}
}

// checkKitfile checks the config as kit does. There is one model layer, with the digest of the model. The modelpart layers have the
// digests of the parts, in the same order.
func checkKitfile(t *testing.T, plan *spec.Plan) {
	t.Helper()
	var kitfile struct {
		Model struct {
			Path, Digest string
			Parts        []struct{ Path, Digest string }
		}
	}
	var packed []spec.Packed
	var model, parts []string
	for _, l := range plan.Layers {
		d := digest.FromString(l.Title)
		packed = append(packed, spec.Packed{Layer: l, Descriptor: ocispec.Descriptor{Digest: d}, DiffID: d})
		switch {
		case strings.Contains(l.MediaType, ".model."):
			model = append(model, d.String())
		case strings.Contains(l.MediaType, ".modelpart."):
			parts = append(parts, d.String())
		}
	}
	finished, err := plan.Finish(packed)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(finished.Config, &kitfile); err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, p := range kitfile.Model.Parts {
		named = append(named, p.Digest)
	}
	if len(model) != 1 || kitfile.Model.Digest != model[0] || !slices.Equal(named, parts) {
		t.Errorf("got Kitfile %s, want the digests of the layers, %v and %v", finished.Config, model, parts)
	}
}

func TestBrokenKitfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"model: {path: m.gguf}\n":                         "Kitfile: has no manifestVersion, which kit requires",
		"manifestVersion: 1.0.0\nmodel: [\n":              "Kitfile:3:1: not YAML",
		"manifestVersion: 1.0.0\nmodel: {path: m.gguf}\n": "",
	} {
		_, err := kindtest.Compose(t, map[string]string{"m.gguf": string(formattest.TinyLlama().Bytes()), "Kitfile": text}, "kind: modelkit\nlayers: ['**']\n")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestModelKitChecksWeights checks that missing shards and web pages are errors, and that unreadable weights cause a warning.
func TestModelKitChecksWeights(t *testing.T) {
	t.Parallel()
	part := formattest.TinyLlama()
	part.Keys = append(part.Keys, formattest.Pair{Key: "split.count", Value: uint16(3)})
	whole := string(formattest.TinyLlama().Bytes())
	for name, tt := range map[string]struct {
		files         map[string]string
		err, warnings string
	}{
		"missing shards": {map[string]string{"m.gguf": string(part.Bytes())}, `"m.gguf": incomplete: split.count is 3, and there is one file`, ""},
		"truncated GGUF": {map[string]string{"m.gguf": whole[:len(whole)-1]}, "", `"m.gguf": truncated GGUF`},
		"broken config":  {map[string]string{"m.gguf": whole, "config.json": "{"}, "", ""},
		"a web page":     {map[string]string{"m.gguf": "<html>"}, `"m.gguf" is a web page, not the file itself`, ""},
	} {
		plan, err := kindtest.Compose(t, tt.files, "kind: modelkit\nlayers: ['*']\n")
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want %s", name, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(plan.Warnings, " "); tt.warnings == "" && got != "" || !strings.Contains(got, tt.warnings) {
			t.Errorf("%s: got warnings %q, want %q", name, got, tt.warnings)
		}
	}
}

// TestModelKitIgnoresModules checks that the model is the file beside the config, not a module in a subdirectory.
func TestModelKitIgnoresModules(t *testing.T) {
	t.Parallel()
	part := func(name string) string {
		return string(formattest.Safetensors(`{"`+name+`":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`, 2))
	}
	plan, err := kindtest.Compose(t, map[string]string{"2_Dense/model.safetensors": part("d"), "model.safetensors": part("a"), "config.json": "{}"},
		"kind: modelkit\nlayers: [2_Dense/, config.json, model.safetensors]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
model application/vnd.kitops.modelkit.model.v1.tar tar model.safetensors
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar 2_Dense/model.safetensors
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar config.json`)
	checkKitfile(t, plan)
}

// TestModelKitClassifiesDirectories checks that weights in directories, and configs beside them, become the model and its parts, and
// that each directory gets the role of its other files.
func TestModelKitClassifiesDirectories(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"onnx/model.onnx": "x", "onnx/model.onnx_data": "x", "onnx/config.json": "{}", "voices/a.pt": "x", "voices/list.py": "x", "src/table.bin": "x", "README.md": "x",
		"data/a.csv": "x", "data/b.csv": "x", "data/about.json": "{}", "mixed/a.csv": "x", "mixed/b.md": "x", "notes/a.md": "x", "docs/sub/a.png": "x", "more/sub/a.csv": "x",
	}
	plan, err := kindtest.Compose(t, files, "kind: modelkit\nlayers: [onnx/, voices/, src/, README.md, data/, docs/, mixed/, more/, notes/]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
model application/vnd.kitops.modelkit.model.v1.tar tar onnx/model.onnx
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar onnx/model.onnx_data
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar onnx/config.json
modelpart application/vnd.kitops.modelkit.modelpart.v1.tar tar voices/a.pt
code application/vnd.kitops.modelkit.code.v1.tar tar voices
code application/vnd.kitops.modelkit.code.v1.tar tar src
code application/vnd.kitops.modelkit.code.v1.tar tar mixed
code application/vnd.kitops.modelkit.code.v1.tar tar more
dataset application/vnd.kitops.modelkit.dataset.v1.tar tar data
docs application/vnd.kitops.modelkit.docs.v1.tar tar README.md
docs application/vnd.kitops.modelkit.docs.v1.tar tar docs
docs application/vnd.kitops.modelkit.docs.v1.tar tar notes`)
	checkKitfile(t, plan)
}

// TestModelKitIgnoresTrainingState checks that the state of a training run is not mistaken for the model.
func TestModelKitIgnoresTrainingState(t *testing.T) {
	t.Parallel()
	for want, files := range map[string]map[string]string{
		"pytorch_model.bin": {"optimizer.pt": "x", "pytorch_model.bin": "x", "rng_state.pth": "x", "training_args.bin": "x"},
		"saved_model.pb":    {"fingerprint.pb": "x", "saved_model.pb": "x"},
	} {
		plan, err := kindtest.Compose(t, files, "kind: modelkit\nlayers: ['*']\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Layers[0].Title; got != want {
			t.Errorf("model: got %s, want %s", got, want)
		}
		checkKitfile(t, plan)
	}
}

// TestModelKitRefusesCollidingNames checks that names that differ only in case are refused as modelkit and accepted as modelpack.
func TestModelKitRefusesCollidingNames(t *testing.T) {
	t.Parallel()
	files := map[string]string{"m.bin": "x", "NOTES.md": "x", "notes.md": "x"}
	_, err := kindtest.Compose(t, files, "kind: modelkit\nlayers: [m.bin, NOTES.md, notes.md]\n")
	if want := `"NOTES.md" and "notes.md" differ only in case`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := kindtest.Compose(t, files, "kind: modelpack\nlayers: [m.bin, NOTES.md, notes.md]\n"); err != nil {
		t.Errorf("modelpack: %v", err)
	}
}

func TestModelPackWarnsAboutWindowsNames(t *testing.T) {
	t.Parallel()
	files := map[string]string{"m.bin": "x", "aux.json": "x", "a/CON": "x", "trail.": "x", "what?.md": "x", "console.json": "x", "com10": "x", ".x/nul": "x"}
	plan, err := kindtest.Compose(t, files, "kind: modelpack\nlayers: [./]\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"modelpack: Windows can't have files of these names, so a pull fails there: a/CON, aux.json, trail., what?.md"}
	if !slices.Equal(plan.Warnings, want) {
		t.Errorf("got warnings %q, want %q", plan.Warnings, want)
	}
}
