package mediatypes

// AttachmentSummary is the annotation with a summary of an attached document, in one line, so that a listing of referrers shows
// it without fetching anything: "SPDX 2.3, 213 components".
const AttachmentSummary = "dev.davit.summary"

// AttachmentSize is the annotation with the size of the attached content, the layers of the manifest, in bytes.
const AttachmentSize = "dev.davit.size"

// Media types of documents that scanners write in their own JSON. None is registered; these are in use.
const (
	TrivyJSON = "application/vnd.aquasec.trivy.report+json"
	GrypeJSON = "application/vnd.anchore.grype+json"
	SyftJSON  = "application/vnd.syft+json"
)
