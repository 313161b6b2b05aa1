package report

import "github.com/davit-oci/davit/mediatypes"

// data is what a scanner or linter found.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "report",
		Summary: "what a scanner found, in SARIF",
		Identity: mediatypes.Identity{
			TypeFromLayer: true,
			Types:         []string{mediatypes.SARIF},
		},
		Layers:   []mediatypes.LayerType{{Role: "report", MediaType: mediatypes.SARIF, Content: "sarif", Claims: []string{"*.sarif", "*.sarif.json"}, Min: 1, Max: 1, Tells: true}},
		Attached: true,
		Clients:  []string{"trivy", "oras"},
		Example: `kind: report
layers: [scan.sarif]
`,
	}
}
