package model

import (
	"fmt"

	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fixedNames are the file names that Docker Model Runner uses, by media type, if an artifact has one layer of the type.
var fixedNames = map[string]string{
	mediatypes.ModelGGUF: "model.gguf", mediatypes.ModelSafetensors: "model.safetensors", mediatypes.ModelDDUF: "model.dduf",
	mediatypes.ModelProjector: "model.mmproj", mediatypes.ModelChatTemplate: "template.jinja", mediatypes.ModelLicense: "LICENSE",
}

// shardNames are the formats of the file names, by media type, if an artifact has several layers of the type.
var shardNames = map[string]string{
	mediatypes.ModelGGUF: "model-%05d-of-%05d.gguf", mediatypes.ModelSafetensors: "model-%05d-of-%05d.safetensors",
	mediatypes.ModelLicense: "LICENSE-%d-of-%d", mediatypes.ModelProjector: "model-%d-of-%d.mmproj",
	mediatypes.ModelChatTemplate: "template-%d-of-%d.jinja", mediatypes.ModelDDUF: "model-%d-of-%d.dduf",
}

// nameAll names layers as Docker Model Runner does when it unpacks them. It numbers shards in the order of the manifest.
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
