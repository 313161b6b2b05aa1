package model

import (
	"fmt"

	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fixedNames are the names, in Docker Model Runner, of layers of which there is one.
var fixedNames = map[string]string{
	mediatypes.ModelGGUF: "model.gguf", mediatypes.ModelSafetensors: "model.safetensors", mediatypes.ModelDDUF: "model.dduf",
	mediatypes.ModelProjector: "model.mmproj", mediatypes.ModelChatTemplate: "template.jinja", mediatypes.ModelLicense: "LICENSE",
}

// shardNames are the names of several layers of a type.
var shardNames = map[string]string{
	mediatypes.ModelGGUF: "model-%05d-of-%05d.gguf", mediatypes.ModelSafetensors: "model-%05d-of-%05d.safetensors",
	mediatypes.ModelLicense: "LICENSE-%d-of-%d", mediatypes.ModelProjector: "model-%d-of-%d.mmproj",
	mediatypes.ModelChatTemplate: "template-%d-of-%d.jinja", mediatypes.ModelDDUF: "model-%d-of-%d.dduf",
}

// nameAll names layers as Docker Model Runner does when it unpacks them: shards in the order of the manifest.
func nameAll(layers []ocispec.Descriptor) map[int]string {
	count := map[string]int{}
	for _, l := range layers {
		count[l.MediaType]++
	}
	names, number := map[int]string{}, map[string]int{}
	for i, l := range layers {
		number[l.MediaType]++
		switch name := fixedNames[l.MediaType]; {
		case name != "" && count[l.MediaType] > 1:
			names[i] = fmt.Sprintf(shardNames[l.MediaType], number[l.MediaType], count[l.MediaType])
		case name != "":
			names[i] = name
		}
	}
	return names
}
