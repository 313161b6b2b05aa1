package vex

import "github.com/davit-oci/davit/mediatypes"

// data describes a VEX document, recognized by its content.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "vex",
		Summary: "exploitability of vulnerabilities: OpenVEX, CycloneDX VEX or CSAF",
		Identity: mediatypes.Identity{
			TypeFromLayer: true,
			Types:         []string{mediatypes.VEXArtifact, mediatypes.OpenVEX, mediatypes.CSAF},
		},
		Config: mediatypes.Config{Derive: "vex"},
		Layers: []mediatypes.LayerType{
			{Role: "vex", MediaType: mediatypes.OpenVEX, Content: "openvex", Claims: []string{"*.openvex.json", "*.vex.json"}, Min: 1, Max: 1, Tells: true},
			{Role: "vex", MediaType: mediatypes.CSAF, Content: "csaf", Claims: []string{"*.csaf.json"}, Min: 1, Max: 1, Tells: true},
			{Role: "vex", MediaType: mediatypes.CycloneDXJSON, Content: "cyclonedx-vex", Min: 1, Max: 1, Tells: true},
		},
		Attached: true,
		Clients:  []string{"harbor", "oras"},
		Example: `kind: vex
layers: [greeting.openvex.json]
`,
	}
}
