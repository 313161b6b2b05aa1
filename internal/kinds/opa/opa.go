// Package opa implements the kind for bundles of the Open Policy Agent.
package opa

import (
	"github.com/davit-oci/davit/internal/kinds/conftest"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// bundle is the file that "opa build" writes. The names in the tar begin with a slash. OPA's documentation pushes it with an
// image config.
const bundle = "bundle.tar.gz"

// Kind returns the kind of bundles: a directory, or the file that "opa build" made from one.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:    "opa",
			Summary: "a bundle of the Open Policy Agent: policies and data in one layer",
			Config:  mediatypes.Config{MediaType: conftest.Config, Schema: kind.NoFields()},
			Layers: []mediatypes.LayerType{
				{Role: "bundle", MediaType: mediatypes.LayerTarGzip, Match: []string{"*/"}, Packing: mediatypes.TarGzip, Exclude: []string{"**/.git"},
					Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1},
				{Role: "bundle", MediaType: mediatypes.LayerTarGzip, Match: []string{"*.tar.gz", "*.tgz"},
					MediaTypes: map[mediatypes.Packing]string{mediatypes.TarGzip: mediatypes.LayerTarGzip}, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1},
			},
			Clients: []string{"opa"},
			Example: `kind: opa
layers: [policy/]
`,
		},
		Matches: func(t mediatypes.Traits) bool {
			if !t.HasOnlyLayers(mediatypes.LayerTarGzip) {
				return false
			}
			return t.ConfigType == conftest.Config || mediatypes.IsImageConfig(t.ConfigType) && len(t.Layers) == 1 && t.Layers[0].Title == bundle
		},
		Pull: kind.Pull{Tars: kind.Unpacking{Rooted: true}},
	}
}
