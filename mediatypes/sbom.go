package mediatypes

// The media types of software bills of materials. Scanners look for a referrer whose artifactType is one of them and
// equals the type of its only layer.
const (
	SPDXJSON      = "application/spdx+json"
	SPDXTagValue  = "text/spdx"
	CycloneDXJSON = "application/vnd.cyclonedx+json"
	CycloneDXXML  = "application/vnd.cyclonedx+xml"
)
