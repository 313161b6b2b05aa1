package mediatypes

// The media types of software bills of materials. Scanners look for a referrer whose artifactType is one of them and
// equals the type of its only layer.
const (
	SPDXJSON      = "application/spdx+json"
	SPDXTagValue  = "text/spdx"
	CycloneDXJSON = "application/vnd.cyclonedx+json"
	CycloneDXXML  = "application/vnd.cyclonedx+xml"
)

// sbom is a software bill of materials, recognised by its content.
var sbom = Kind{
	Name:          "sbom",
	Summary:       "a software bill of materials: SPDX or CycloneDX",
	TypeFromLayer: true,
	Types: []string{
		SPDXJSON, SPDXTagValue, CycloneDXJSON, CycloneDXXML,
		"text/spdx+json", "text/spdx+xml", "application/vnd.cyclonedx", "application/vnd.syft+json",
		"application/vnd.dev.cosign.artifact.sbom.v1+json",
	},
	Layers: []LayerType{
		{Role: "sbom", MediaType: SPDXJSON, Content: "spdx-json", Claims: []string{"*.spdx.json"}, Min: 1, Max: 1, Tells: true},
		{Role: "sbom", MediaType: CycloneDXJSON, Content: "cyclonedx-json", Claims: []string{"*.cdx.json", "bom.json"}, Min: 1, Max: 1, Tells: true},
		{Role: "sbom", MediaType: CycloneDXXML, Content: "cyclonedx-xml", Claims: []string{"*.cdx.xml", "bom.xml"}, Min: 1, Max: 1, Tells: true},
		{Role: "sbom", MediaType: SPDXTagValue, Content: "spdx-tag-value", Claims: []string{"*.spdx"}, Min: 1, Max: 1, Tells: true},
	},
	Attached: true,
	Clients:  []string{"trivy", "oras"},
	Example: `kind: sbom
name: greeting
layers: [greeting.spdx.json]
`,
}
