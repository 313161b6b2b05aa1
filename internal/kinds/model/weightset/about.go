package weightset

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/textdist"
)

// about holds the config fields of three formats: Docker Model Runner, ModelPack, and ModelKit. A config has some of them.
type about struct {
	Config struct {
		Architecture, Format, Parameters, ParamSize, Quantization, Precision, Size string
		ContextSize                                                                int64             `json:"context_size"`
		GGUF                                                                       map[string]string `json:"gguf"`
	}
	Descriptor struct {
		Name, Version, Family, Title, Description string
		Licenses                                  []string
	}
	Package struct {
		Name, Version, Description, License string
		Authors                             []string
	}
	Model struct {
		layerFile
		Name, Framework, Format, Version, License string
		Parts                                     []layerFile
	}
	Code, Datasets, Docs, Prompts, MCPServers []layerFile
}

// layerFile is a file in a layer, as a ModelKit's config names it.
type layerFile struct{ Path, Digest string }

// About returns the facts in the config of a model, or nil if the config can't be decoded.
func About(config []byte) []kind.Fact {
	var a about
	if json.Unmarshal(config, &a) != nil {
		return nil // a config of another format
	}
	return a.facts()
}

// files lists the paths in the config of a ModelKit. They are needed because layers that kit has packed have no titles.
func (a *about) files() []string {
	var names []string
	for _, f := range slices.Concat([]layerFile{a.Model.layerFile}, a.Model.Parts, a.Code, a.Datasets, a.Docs, a.Prompts, a.MCPServers) {
		if f.Digest != "" {
			names = append(names, path.Clean(f.Path))
		}
	}
	return names
}

// facts lists the known facts.
func (a *about) facts() []kind.Fact {
	context := ""
	if n := a.Config.ContextSize; n > 0 {
		context = fmt.Sprintf("%d tokens", n)
	}
	var facts []kind.Fact
	for _, f := range []struct {
		name   string
		values []string
	}{
		{"name", []string{a.Descriptor.Title, a.Descriptor.Name, a.Package.Name, a.Model.Name, a.Config.GGUF["general.name"]}},
		{"version", []string{a.Descriptor.Version, a.Package.Version, a.Model.Version}},
		{"description", []string{a.Descriptor.Description, a.Package.Description}},
		{"family", []string{a.Descriptor.Family}},
		{"architecture", []string{a.Config.Architecture}},
		{"parameters", []string{a.Config.Parameters, a.Config.ParamSize}},
		{"quantization", []string{a.Config.Quantization}},
		{"precision", []string{a.Config.Precision}},
		{"context", []string{context}},
		{"format", []string{a.Config.Format, a.Model.Format}},
		{"model", []string{a.Model.Path}},
		{"framework", []string{a.Model.Framework}},
		{"weights", []string{a.Config.Size}},
		{"authors", []string{strings.Join(a.Package.Authors, ", ")}},
		{"license", []string{strings.Join(a.Descriptor.Licenses, ", "), a.Package.License, a.Model.License, a.Config.GGUF["general.license"]}},
	} {
		for _, value := range f.values {
			if value != "" {
				facts = append(facts, kind.Fact{Name: f.name, Value: value})
				break
			}
		}
	}
	if files := a.files(); len(files) > 0 {
		facts = append(facts, kind.Fact{Name: kind.FilesFact, Value: textdist.FirstFew(files)})
	}
	return facts
}
