package ollama

import "github.com/davit-oci/davit/mediatypes"

// base begins the media types of Ollama's layers (server/images.go of ollama).
const base = "application/vnd.ollama.image."

// data is recognized, shown, and pulled; ollama writes it. The manifest is Docker's, and its config has the type of images.
func data() mediatypes.Kind {
	k := mediatypes.Kind{
		Name:     "ollama",
		Summary:  "a model as Ollama pushes it",
		Config:   mediatypes.Config{MediaType: "application/vnd.docker.container.image.v1+json"},
		ReadOnly: true,
		Clients:  []string{"ollama"},
	}
	for _, role := range [...]string{"model", "projector", "adapter", "template", "system", "params", "messages", "license"} {
		k.Layers = append(k.Layers, mediatypes.LayerType{Role: role, MediaType: base + role})
	}
	return k
}
