package ollama_test

import (
	"strings"
	"testing"
	"text/template"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// model returns a small GGUF model with additional metadata.
func model(more ...formattest.Pair) string {
	m := formattest.TinyLlama()
	m.Keys = append(m.Keys, more...)
	return string(m.Bytes())
}

// ggufOfType returns a GGUF file with the given general.type.
func ggufOfType(general string) string {
	m := &formattest.GGUF{Order: formattest.TinyLlama().Order, Version: 3, Keys: []formattest.Pair{{Key: "general.architecture", Value: "llama"}, {Key: "general.type", Value: general}}}
	return string(m.Bytes())
}

// describeLayers describes each layer in one line: its role, and its path or, without a file, its content.
func describeLayers(plan *spec.Plan) string {
	var b strings.Builder
	for _, l := range plan.Layers {
		b.WriteString(strings.TrimPrefix(l.MediaType, "application/vnd.ollama.image.") + " ")
		if l.Content != nil {
			b.WriteString(strings.TrimSpace(string(l.Content)) + "\n")
		} else {
			b.WriteString(l.Path + "\n")
		}
	}
	return b.String()
}

// TestModelfile checks the layers of an Ollama Modelfile, both files and texts, in their order.
func TestModelfile(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{
		"tiny/Modelfile": "# tiny\nFROM ./tiny.gguf\nFROM ./vision.gguf\nADAPTER lora.gguf\nPARAMETER stop a\nPARAMETER stop \"b\"\nPARAMETER num_ctx 4096\n" +
			"PARAMETER top_p 0.9\nPARAMETER use_mmap false\nPARAMETER mirostat 1\nSYSTEM Be long.\nSYSTEM Be brief.\nLICENSE MIT\nLICENSE Apache\n" +
			"MESSAGE user Hi\nMESSAGE assistant Hello\nRENDERER qwen\nREQUIRES v0.14.0\nTEMPLATE {{ .Prompt }}\n",
		"tiny/tiny.gguf": model(), "tiny/other.gguf": model(), "tiny/README.md": "# Tiny\n",
		"tiny/vision.gguf": string((&formattest.GGUF{Order: formattest.TinyLlama().Order, Version: 3, Keys: []formattest.Pair{{Key: "general.architecture", Value: "clip"}}}).Bytes()),
		"tiny/lora.gguf":   ggufOfType("adapter"),
	}, "kind: ollama\nlayers: [tiny/]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, describeLayers(plan), `model tiny/tiny.gguf
	adapter tiny/lora.gguf
	projector tiny/vision.gguf
	template {{ .Prompt }}
	system Be brief.
	license MIT
	license Apache
	params {"num_ctx":4096,"stop":["a","b"],"top_p":0.9,"use_mmap":false}
	messages [{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]`)
	config := string(kindtest.Finished(t, plan).Config)
	before, _, _ := strings.Cut(config, `,"rootfs"`)
	if want := `{"architecture":"amd64","file_type":"Q4_K_M","model_families":["llama","clip"],"model_family":"llama","model_format":"gguf","model_type":"1K","os":"linux","renderer":"qwen","requires":"0.14.0"`; before != want {
		t.Errorf("got  %s\nwant %s", before, want)
	}
	if notes := strings.Join(plan.Notes, "\n"); strings.Contains(notes, "adapter") {
		t.Errorf("notes: got %s, want none about the adapter", notes)
	}
	if len(plan.LeftOut) == 0 || !strings.Contains(strings.Join(plan.LeftOut, " "), "tiny/other.gguf") {
		t.Errorf("left out: got %q, want tiny/other.gguf among them", plan.LeftOut)
	}
}

// TestOnlyFiles packs files without a Modelfile: the files that a pull writes, and models with and without a known chat template.
func TestOnlyFiles(t *testing.T) {
	t.Parallel()
	chatml := formattest.Pair{Key: "tokenizer.chat_template", Value: "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"}
	license := formattest.Pair{Key: "general.license", Value: "apache-2.0"}
	for _, tc := range []struct {
		name         string
		files        map[string]string
		want, remark string
	}{
		{"files of a pull", map[string]string{"model.gguf": model(chatml), "template.tmpl": "T", "system.txt": "S", "params.json": "{}", "messages.json": "[]", "LICENSE": "L"},
			"model model.gguf\ntemplate template.tmpl\nsystem system.txt\nlicense LICENSE\nparams params.json\nmessages messages.json", ""},
		{"a known chat template", map[string]string{"a.gguf": model(chatml, license)},
			"model a.gguf\ntemplate {{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\nparams {\"stop\":[\"<|im_start|>\",\"<|im_end|>\"]}",
			"the template is chatml"},
		{"an unknown chat template", map[string]string{"a.gguf": model(formattest.Pair{Key: "tokenizer.chat_template", Value: "{{ x }}"})}, "model a.gguf", "that Ollama versions up to 0.17 do not read"},
		{"no chat template", map[string]string{"a.gguf": model()}, "model a.gguf", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			plan, err := kindtest.Compose(t, tc.files, "kind: ollama\nlayers: [\"*\"]\n")
			if err != nil {
				t.Fatal(err)
			}
			kindtest.WantLines(t, describeLayers(plan), tc.want)
			if remarks := strings.Join(append(plan.Notes, plan.Warnings...), "\n"); !strings.Contains(remarks, tc.remark) {
				t.Errorf("notes and warnings: got %q, want %q among them", remarks, tc.remark)
			}
			if tc.name == "a known chat template" && plan.Annotations[ocispec.AnnotationLicenses] != "apache-2.0" {
				t.Errorf("annotations: got %v, want license apache-2.0", plan.Annotations)
			}
		})
	}
}

// TestTemplates checks the prompts that the templates derived from known chat templates produce.
func TestTemplates(t *testing.T) {
	t.Parallel()
	type message struct{ Role, Content string }
	chat := map[string]any{"Messages": []message{{"system", "S"}, {"user", "U"}, {"assistant", "A"}, {"user", "V"}}}
	for marks, want := range map[string]string{
		"<|start_header_id|> <|eot_id|>": "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>" +
			"<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
		"<|im_start|> <|im_end|>":        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n",
		"<start_of_turn> <end_of_turn>":  "<start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>user\nV<end_of_turn>\n<start_of_turn>model\n",
		"<|user|> <|end|> <|assistant|>": "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\nA<|end|>\n<|user|>\nV<|end|>\n<|assistant|>\n",
	} {
		plan, err := kindtest.Compose(t, map[string]string{"a.gguf": model(formattest.Pair{Key: "tokenizer.chat_template", Value: marks})}, "kind: ollama\nlayers: [a.gguf]\n")
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := template.New("").Parse(string(plan.Layers[1].Content))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := parsed.Execute(&b, chat); err != nil || b.String() != want {
			t.Errorf("%s: got %q, %v\nwant %q", marks, b.String(), err, want)
		}
	}
}

// TestRefuses checks that files that Ollama rejects are refused.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ files, yaml, want string }{
		"a model of a registry":      {"FROM llama3.2\n", "[Modelfile]", `Modelfile:1: FROM names "llama3.2", which does not exist`},
		"a missing file":             {"FROM ./b.gguf\n", "[Modelfile]", `names "./b.gguf", which does not exist`},
		"a directory":                {"FROM .\n", "[Modelfile]", "Modelfile:1: FROM names a directory"},
		"a path above the directory": {"FROM ../a.gguf\n", "[Modelfile]", `Modelfile:1: FROM names "../a.gguf", which is not below`},
		"an absolute path":           {"FROM /etc/passwd\n", "[Modelfile]", `Modelfile:1: FROM names "/etc/passwd", which is not below the directory that is packed (move or copy`},
		"two models":                 {"FROM ./a.gguf\nFROM ./b-Q8_0.gguf\n", "['*']", "Modelfile:2: FROM names a second model, besides a.gguf, and Ollama uses one"},
		"two adapters":               {"FROM ./a.gguf\nADAPTER l1.gguf\nADAPTER l1.gguf\nADAPTER l2.gguf\n", "['*']", "Modelfile:4: ADAPTER names a second adapter, and Ollama uses one"},
		"a model as adapter":         {"FROM ./a.gguf\nADAPTER b-Q8_0.gguf\n", "['*']", `Modelfile:2: ADAPTER names "b-Q8_0.gguf", which is not an adapter`},
		"an adapter as model":        {"FROM ./a.gguf\nFROM ./l1.gguf\n", "['*']", `Modelfile:2: FROM names "./l1.gguf", which is an adapter`},
		"an importance matrix":       {"FROM ./a.gguf\nFROM ./imatrix.gguf\n", "['*']", `Modelfile:2: FROM names "./imatrix.gguf", which is an importance matrix`},
		"an unknown command":         {"FROM ./a.gguf\nRUN x\n", "[Modelfile]", `Modelfile:2: unknown command "RUN"`},
		"an unknown parameter":       {"FROM ./a.gguf\nPARAMETER heat 1\n", "[Modelfile]", `Modelfile:2: unknown parameter "heat"`},
		"an invalid parameter value": {"FROM ./a.gguf\n\nPARAMETER seed x\n", "[Modelfile]", `Modelfile:3: parameter seed: invalid value "x"`},
		"an invalid version":         {"FROM ./a.gguf\nREQUIRES new\n", "[Modelfile]", "Modelfile:2: REQUIRES new: want a version"},
		"no model":                   {"", "[LICENSE]", "no GGUF model"},
		"only safetensors":           {"", "[m.safetensors]", "has no role"},
		"invalid params.json":        {"", "[a.gguf, params.json]", "params.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"a.gguf": model(), "LICENSE": "x", "params.json": "[", "m.safetensors": "x", "b-Q8_0.gguf": model(),
				"l1.gguf": ggufOfType("adapter"), "l2.gguf": ggufOfType("adapter"), "imatrix.gguf": ggufOfType("imatrix")}
			if tc.files != "" {
				files["Modelfile"] = tc.files
			}
			_, err := kindtest.Compose(t, files, "kind: ollama\nlayers: "+tc.yaml+"\n")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
