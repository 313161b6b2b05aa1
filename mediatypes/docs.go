package mediatypes

// The types of a documentation artifact. The field has no convention for it; these are davit's own.
const (
	DocsArtifact = "application/vnd.davit.docs.v1"
	DocsConfig   = "application/vnd.davit.docs.config.v1+json"
)
