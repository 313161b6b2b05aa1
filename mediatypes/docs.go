package mediatypes

// The types of a documentation artifact. No other tool defines types for it, so davit does.
const (
	DocsArtifact = "application/vnd.davit.docs.v1"
	DocsConfig   = "application/vnd.davit.docs.config.v1+json"
)
