package modelpack_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
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
		t.Errorf("got artifactType %s, config type %s, want those of a ModelPack", plan.ArtifactType, plan.ConfigType)
	}
	id := func(name string) string { return digest.FromString(name + name).String() }
	kindtest.WantJSON(t, kindtest.Finished(t, plan).Config, `{"descriptor":{"name":"tiny","family":"llama","version":"1.0.0","licenses":["CC0-1.0"]},
  "config":{"architecture":"llama","format":"safetensors","paramSize":"7.00","quantization":"F16"},
  "modelfs":{"type":"layers","diffIds":["`+id("model/README.md")+`","`+id("model/config.json")+`","`+id("model/model.safetensors")+`"]}}`)
	if got := plan.Layers[2].Annotations[mediatypes.ModelPath]; got != "model.safetensors" {
		t.Errorf("path of the weights: got %q, want model.safetensors", got)
	}
	if !strings.HasPrefix(plan.Annotations[mediatypes.ModelPackModelfile], "# what modctl would pack") {
		t.Errorf("annotations: got %v, want the Modelfile", plan.Annotations)
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
		t.Errorf("got layer %+v, want a tar of weights with prefix sub/", l)
	}
	kindtest.WantJSON(t, kindtest.Finished(t, plan).Config, `{"descriptor":{"family":"llama","name":"m"},"config":{"architecture":"llama","format":"gguf","paramSize":"1.28K","quantization":"Q4_K_M"},
  "modelfs":{"type":"layers","diffIds":["`+digest.FromString("m/sub/m.ggufm/sub").String()+`","`+digest.FromString("m/x.pym/x.py").String()+`"]}}`)
}

func TestModelfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"FROM llama3\n":         "line 1: modctl has no command FROM",
		"MODEL\n":               "line 1: MODEL has no argument",
		"# a\n\nNAME a\nNAME b": "line 4: NAME is given twice",
	} {
		if _, err := listing.ParseModelfile([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	for name, tt := range map[string]struct{ modelfile, want string }{
		"another name":               {"NAME b\nMODEL Modelfile\n", `name "a" contradicts Modelfile, which says "b"`},
		"pattern without a match":    {"MODEL *.onnx\n", `names "*.onnx", which matches no files`},
		"path outside the directory": {"MODEL ../x.bin\n", `Modelfile:1: MODEL names "../x.bin", which is not below`},
	} {
		_, err := kindtest.Compose(t, map[string]string{"Modelfile": tt.modelfile}, "kind: modelpack\nname: a\nlayers: [Modelfile]\n")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %q", name, err, tt.want)
		}
	}
}

// TestModelPackRequiresModelCodeOrDataset checks that files without a model, code, or dataset are refused unless a Modelfile lists
// them, because modctl would not generate a Modelfile.
func TestModelPackRequiresModelCodeOrDataset(t *testing.T) {
	t.Parallel()
	files := map[string]string{"README.md": "# x\n", "data.csv": "x", "Modelfile": "DOC README.md\n"}
	for layers, want := range map[string]string{"README.md": "no model, code, or dataset", "README.md, data.csv": "", "Modelfile": ""} {
		_, err := kindtest.Compose(t, files, "kind: modelpack\nlayers: ["+layers+"]\n")
		if (want == "") != (err == nil) || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", layers, err, want)
		}
	}
}

// TestTitleOfSingleFileTar checks that the tar of a single file beside davit.yaml has the file's name as title.
func TestTitleOfSingleFileTar(t *testing.T) {
	t.Parallel()
	files := map[string]string{"w.gguf": string(formattest.TinyLlama().Bytes()), "a.py": "x"}
	plan, err := kindtest.Compose(t, files, "kind: modelpack\nname: demo\nlayers: [{path: w.gguf, packing: tar}, {path: a.py, packing: tar}]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
weights application/vnd.cncf.model.weight.v1.tar tar w.gguf
code application/vnd.cncf.model.code.v1.tar tar a.py`)
	if len(plan.Notes) > 0 {
		t.Errorf("got notes %q, want none", plan.Notes)
	}
}

// gguf returns a GGUF file of an architecture, with general.type if it is not empty.
func gguf(architecture, general string) string {
	image := formattest.TinyLlama()
	image.Keys[0].Value = architecture
	if general != "" {
		image.Keys = append([]formattest.Pair{{Key: "general.type", Value: general}}, image.Keys...)
	}
	return string(image.Bytes())
}

func TestModelPackChoosesWeights(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{
		"a-imatrix.gguf": gguf("llama", "imatrix"), "a-lora.gguf": gguf("llama", "adapter"), "a-mmproj.gguf": gguf("clip", ""), "m-Q2_K.gguf": gguf("qwen2", ""),
		"m-Q4_K_M.gguf": gguf("qwen3", ""), "m.onnx_data": "x", "variables.data-00000-of-00001": "x", "x.part": "x", "blob": "\x00\x01", "notes": "text",
	}, "kind: modelpack\nlayers: ['**']\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
config application/vnd.cncf.model.weight.config.v1.raw raw a-imatrix.gguf
weights application/vnd.cncf.model.weight.v1.raw raw m-Q4_K_M.gguf
weights application/vnd.cncf.model.weight.v1.raw raw a-lora.gguf
code application/vnd.cncf.model.code.v1.raw raw blob
weights application/vnd.cncf.model.weight.v1.raw raw a-mmproj.gguf
weights application/vnd.cncf.model.weight.v1.raw raw m-Q2_K.gguf
weights application/vnd.cncf.model.weight.v1.raw raw m.onnx_data
doc application/vnd.cncf.model.doc.v1.raw raw notes
weights application/vnd.cncf.model.weight.v1.raw raw variables.data-00000-of-00001`)
	if config := string(kindtest.Finished(t, plan).Config); !strings.Contains(config, `"architecture":"qwen3"`) || !strings.Contains(config, `"quantization":"Q4_K_M"`) {
		t.Errorf("config: got %s, want architecture qwen3 and quantization Q4_K_M", config)
	}
	if got := strings.Join(plan.LeftOut, " "); got != "x.part" {
		t.Errorf("left out: got %q, want x.part", got)
	}
}

func TestBrokenModelfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"NAME a\nMODLE m.gguf\n":       `Modelfile:2: modctl has no command MODLE`,
		"NAME a\n":                     `Modelfile: names no files with MODEL`,
		"":                             `Modelfile: names no files with MODEL`,
		"MODEL\n":                      `Modelfile:1: MODEL has no argument`,
		"FROM ./m.gguf\nPARAMETER a b": "",
		"MODEL\tm.gguf\nNAME\t\"a b\"": "",
	} {
		for _, kind := range []string{"modelpack", "model"} {
			_, err := kindtest.Compose(t, map[string]string{"m.gguf": gguf("llama", ""), "Modelfile": text}, "kind: "+kind+"\nlayers: ['**']\n")
			if kind == "model" && strings.HasPrefix(text, "MODEL\t") {
				continue // kind model has no role for a Modelfile
			}
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("kind %s, %q: got %v, want %s", kind, text, err, want)
			}
		}
	}
}

func TestModelCard(t *testing.T) {
	t.Parallel()
	for front, want := range map[string]struct{ licenses, base, tags, config string }{
		"license: apache-2.0\nlanguage: [en, de, zh-Hant]\nbase_model: org/base\ntags:\n- chat\n- tiny\n": {"Apache-2.0", "org/base", "chat,tiny",
			`"capabilities":{"languages":["en","de"]}`},
		"license: cc-by-nc-4.0\nlanguage: fr\nbase_model:\n- a/b\n- c/d\n": {"CC-BY-NC-4.0", "a/b,c/d", "", `"licenses":["CC-BY-NC-4.0"]`},
		"license: other\nlicense_name: my license\n":                       {"LicenseRef-my-license", "", "", `"licenses":["LicenseRef-my-license"]`},
		"license: [mit, apache-2.0]\n":                                     {"", "", "", `"licenses":["MIT","Apache-2.0"]`},
		"license: {name: x}\n":                                             {"", "", "", `"descriptor":{"family":"llama"}`},
		"license: llama3\n":                                                {"LicenseRef-llama3", "", "", `"licenses":["LicenseRef-llama3"]`},
		"tags: 5\n":                                                        {"", "", "5", `"format":"gguf"`},
		"[broken\n":                                                        {"", "", "", `"format":"gguf"`},
	} {
		plan, err := kindtest.Compose(t, map[string]string{"m.gguf": gguf("llama", ""), "README.md": "---\n" + front + "---\n# M\n", "sub/README.md": "---\nlicense: mit\n---\n"},
			"kind: modelpack\nlayers: ['**']\n")
		if err != nil {
			t.Errorf("%s: %v", front, err)
			continue
		}
		a := plan.Annotations
		if a["org.opencontainers.image.licenses"] != want.licenses || a[mediatypes.ModelBase] != want.base || a[mediatypes.ModelTags] != want.tags {
			t.Errorf("%s: annotations: got %v, want licenses %q, base %q, tags %q", front, a, want.licenses, want.base, want.tags)
		}
		if config := string(kindtest.Finished(t, plan).Config); !strings.Contains(config, want.config) {
			t.Errorf("%s: config: got %s, want %s in it", front, config, want.config)
		}
	}
}

func TestModelPackClassifiesDocuments(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"m.gguf": string(formattest.TinyLlama().Bytes()), "preview.png": "\x89PNG\r\n\x00", "paper.docx": "PK\x00", "notes": "x", "blob": "\x00"},
		"kind: modelpack\nlayers: [./]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
code application/vnd.cncf.model.code.v1.raw raw blob
weights application/vnd.cncf.model.weight.v1.raw raw m.gguf
doc application/vnd.cncf.model.doc.v1.raw raw notes
doc application/vnd.cncf.model.doc.v1.raw raw paper.docx
doc application/vnd.cncf.model.doc.v1.raw raw preview.png`)
}
