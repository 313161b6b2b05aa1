package sbom

import "github.com/davit-oci/davit/mediatypes"

// data describes a software bill of materials, recognized by its content.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "sbom",
		Summary: "a software bill of materials: SPDX or CycloneDX, or the JSON of Syft",
		Identity: mediatypes.Identity{
			TypeFromLayer: true,
			Types: []string{
				mediatypes.SPDXJSON, mediatypes.SPDXTagValue, mediatypes.CycloneDXJSON, mediatypes.CycloneDXXML,
				"text/spdx+json", "text/spdx+xml", "application/vnd.cyclonedx", mediatypes.SyftJSON,
				"application/vnd.dev.cosign.artifact.sbom.v1+json",
			},
		},
		Layers: []mediatypes.LayerType{
			{Role: "sbom", MediaType: mediatypes.SPDXJSON, Content: "spdx-json", Claims: []string{"*.spdx.json"}, Min: 1, Max: 1, Tells: true},
			{Role: "sbom", MediaType: mediatypes.CycloneDXJSON, Content: "cyclonedx-json", Claims: []string{"*.cdx.json", "bom.json"}, Min: 1, Max: 1, Tells: true},
			{Role: "sbom", MediaType: mediatypes.CycloneDXXML, Content: "cyclonedx-xml", Claims: []string{"*.cdx.xml", "bom.xml"}, Min: 1, Max: 1, Tells: true},
			{Role: "sbom", MediaType: mediatypes.SyftJSON, Content: "syft-json", Claims: []string{"*.syft.json"}, Min: 1, Max: 1, Tells: true},
			{Role: "sbom", MediaType: mediatypes.SPDXTagValue, Content: "spdx-tag-value", Claims: []string{"*.spdx"}, Min: 1, Max: 1, Tells: true},
		},
		Attached: true,
		Clients:  []string{"trivy", "oras"},
		Example: `kind: sbom
name: greeting
layers: [greeting.spdx.json]
`,
	}
}
