package collection

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes the list of the features or templates of a namespace.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "collection",
		Summary: "the list of a namespace's Dev Container Features or Templates",
		Config:  mediatypes.Config{MediaType: mediatypes.DevContainer, Derive: "collection", Schema: kind.NoFields()},
		Layers: []mediatypes.LayerType{
			{Role: "collection", MediaType: mediatypes.DevContainerCollection, Match: []string{"devcontainer-collection.json"}, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1, Tells: true},
			{Role: "collection", MediaType: mediatypes.DevContainerCollection, Match: []string{"*/"}, Content: "collection", Packing: mediatypes.Tar, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1, Tells: true},
			{Role: "collection", MediaType: mediatypes.DevContainerCollection, Match: []string{"*/"}, Packing: mediatypes.Tar, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1},
		},
		Clients: []string{"devcontainer", "VS Code"},
		Example: `kind: collection
layers: [src/]
`,
	}
}
