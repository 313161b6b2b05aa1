package report

import "github.com/davit-oci/davit/mediatypes"

// data describes a report: the findings of a scanner or linter.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "report",
		Summary: "scan results: SARIF, or the JSON of Trivy or Grype",
		Identity: mediatypes.Identity{
			TypeFromLayer: true,
			Types:         []string{mediatypes.SARIF, mediatypes.TrivyJSON, mediatypes.GrypeJSON},
		},
		Layers: []mediatypes.LayerType{
			{Role: "report", MediaType: mediatypes.SARIF, Content: "sarif", Claims: []string{"*.sarif", "*.sarif.json"}, Min: 1, Max: 1, Tells: true},
			{Role: "report", MediaType: mediatypes.TrivyJSON, Content: "trivy", Min: 1, Max: 1, Tells: true},
			{Role: "report", MediaType: mediatypes.GrypeJSON, Content: "grype", Min: 1, Max: 1, Tells: true},
		},
		Attached: true,
		Clients:  []string{"trivy", "oras"},
		Example: `kind: report
layers: [scan.sarif]
`,
	}
}
