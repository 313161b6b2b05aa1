// Package conftest implements the kind for policies of conftest.
package conftest

import (
	"slices"

	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Config is the media type of the config of policies.
const Config = "application/vnd.cncf.openpolicyagent.config.v1+json"

const (
	policy = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego"
	data   = "application/vnd.cncf.openpolicyagent.data.layer.v1+json"
)

// Kind returns the kind of policies of conftest, with a layer for each file. Conftest itself writes a config of unknown type.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:    "conftest",
			Summary: "policies of conftest: Rego and data, a layer for each file",
			Config:  mediatypes.Config{MediaType: Config, Schema: kind.NoFields()},
			Layers: []mediatypes.LayerType{
				{Role: "policy", MediaType: policy, Match: []string{"*.rego"}, Min: 1},
				{Role: "data", MediaType: data, Match: []string{"*.json", "*.yaml", "*.yml"}},
			},
			Directories: mediatypes.Directories{Expand: true},
			Clients:     []string{"conftest"},
			Example: `kind: conftest
layers: [policy/]
`,
		},
		Matches: func(t mediatypes.Traits) bool {
			other := func(l mediatypes.LayerTraits) bool { return l.MediaType != policy && l.MediaType != data }
			return len(t.Layers) > 0 && !slices.ContainsFunc(t.Layers, other)
		},
	}
}
