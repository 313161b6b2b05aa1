// Package ollama implements the kind for Ollama models.
package ollama

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Kind returns the kind of Ollama models.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests:  map[string]roles.Test{"ollama-modelfile": {Expects: "a Modelfile of Ollama", Find: isModelfile}},
		Matches: func(t mediatypes.Traits) bool {
			return mediatypes.IsImageConfig(t.ConfigType) && t.HasLayer(base+"model")
		},
		Pull: kind.Pull{
			Readings: map[string]kind.Reading{
				"model": kind.Machine, "projector": kind.Machine, "adapter": kind.Machine, "license": kind.License,
			},
			NameAll: nameAll,
			Facts:   kind.FactReaders{Config: facts},
		},
	}
}

// names are the stems and extensions of file names, by media type. A projector is called mmproj, as in llama.cpp.
var names = map[string][2]string{
	base + "model": {"model", ".gguf"}, base + "projector": {"mmproj", ".gguf"}, base + "adapter": {"adapter", ".gguf"},
	base + "template": {"template", ".tmpl"}, base + "system": {"system", ".txt"}, base + "params": {"params", ".json"},
	base + "messages": {"messages", ".json"}, base + "license": {"LICENSE", ""},
}

// nameAll names layers, which have no titles. It numbers layers of the same type in the order of the manifest.
func nameAll(layers []ocispec.Descriptor) map[int]string {
	count := map[string]int{}
	for _, l := range layers {
		count[l.MediaType]++
	}
	named, number := map[int]string{}, map[string]int{}
	for i, l := range layers {
		parts, known := names[l.MediaType]
		if !known {
			continue
		}
		number[l.MediaType]++
		if n := count[l.MediaType]; n > 1 {
			parts[0] += fmt.Sprintf("-%05d-of-%05d", number[l.MediaType], n)
		}
		named[i] = strings.Join(parts[:], "")
	}
	return named
}

// facts returns the facts in Ollama's config, or nil if the config can't be decoded.
func facts(config []byte) []kind.Fact {
	var c struct {
		Format   string   `json:"model_format"`
		Family   string   `json:"model_family"`
		Families []string `json:"model_families"`
		Type     string   `json:"model_type"`
		FileType string   `json:"file_type"`
	}
	if json.Unmarshal(config, &c) != nil {
		return nil
	}
	if c.Family == "" {
		c.Family = strings.Join(c.Families, ", ")
	}
	var all []kind.Fact
	for _, f := range []kind.Fact{{Name: "architecture", Value: c.Family}, {Name: "parameters", Value: c.Type}, {Name: "quantization", Value: c.FileType}, {Name: "format", Value: c.Format}} {
		if f.Value != "" {
			all = append(all, f)
		}
	}
	return all
}
