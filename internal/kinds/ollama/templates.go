package ollama

import "strings"

// family is a prompt format that several models share. Versions of Ollama up to 0.17 do not read the Jinja chat template in the
// model; they need a Go template.
type family struct {
	name, template string
	marks          []string // occur in the chat template of each model of the family
	stop           []string
}

// promptFamilies are the known families, tried in order.
var promptFamilies = []family{
	{
		name: "llama3", marks: []string{"<|start_header_id|>", "<|eot_id|>"}, stop: []string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
		template: "{{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>{{ end }}<|start_header_id|>assistant<|end_header_id|>\n\n",
	},
	{
		name: "chatml", marks: []string{"<|im_start|>", "<|im_end|>"}, stop: []string{"<|im_start|>", "<|im_end|>"},
		template: "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n",
	},
	{
		name: "gemma", marks: []string{"<start_of_turn>", "<end_of_turn>"}, stop: []string{"<start_of_turn>", "<end_of_turn>"},
		template: "{{- $system := \"\" }}{{ range .Messages }}{{ if eq .Role \"system\" }}{{ $system = printf \"%s\\n\\n\" .Content }}{{ else }}" +
			"<start_of_turn>{{ if eq .Role \"assistant\" }}model{{ else }}user{{ end }}\n{{ $system }}{{ $system = \"\" }}{{ .Content }}<end_of_turn>\n{{ end }}{{ end }}<start_of_turn>model\n",
	},
	{
		name: "phi3", marks: []string{"<|assistant|>", "<|end|>"}, stop: []string{"<|end|>", "<|system|>", "<|user|>", "<|assistant|>"},
		template: "{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}<|end|>\n{{ end }}<|assistant|>\n",
	},
}

// familyOf returns the family of a Jinja chat template.
func familyOf(chat string) (family, bool) {
	for _, f := range promptFamilies {
		all := true
		for _, mark := range f.marks {
			all = all && strings.Contains(chat, mark)
		}
		if all {
			return f, true
		}
	}
	return family{}, false
}
