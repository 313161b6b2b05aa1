package mediatypes

// AttachmentSummary is the annotation with a one-line summary of an attached document, such as "SPDX 2.3, 213 components". A listing
// of referrers shows it without fetching the document.
const AttachmentSummary = "dev.davit.summary"

// AttachmentSize is the annotation with the total size of the layers of an attached manifest, in bytes.
const AttachmentSize = "dev.davit.size"

// The media types of reports in the JSON formats of scanners. They are not registered, but in use.
const (
	TrivyJSON = "application/vnd.aquasec.trivy.report+json"
	GrypeJSON = "application/vnd.anchore.grype+json"
	SyftJSON  = "application/vnd.syft+json"
)
