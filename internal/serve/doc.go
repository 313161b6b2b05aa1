// Package serve offers image layouts as an OCI registry: the pull, push, content discovery and content management parts
// of distribution-spec 1.1, over HTTP, without authentication.
//
// It speaks the protocol and knows which repository name is which layout. What is in a layout, and how it gets there
// whole or not at all, is the business of the Target that it is given for each.
package serve
