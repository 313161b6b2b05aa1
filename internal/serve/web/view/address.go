package view

import (
	"net/url"
)

// RepositoryPath is the prefix of the paths of pages about repositories.
const RepositoryPath = "/r/"

// RowsPath is the suffix of the path of the page with all rows of a document.
const RowsPath = "/rows"

// Link is a link to a page.
type Link struct{ Name, Path string }

// NewLink returns a link.
func NewLink(name, path string) Link { return Link{name, path} }

// PathTo returns the path of a repository, or of an artifact in it: the sign is ":" before a tag, and "@" before a digest. Inlined, it
// would add 7 KB to the program.
//
//go:noinline
func PathTo(repository, sign, reference string) string {
	return (&url.URL{Path: RepositoryPath + repository + sign + reference}).EscapedPath()
}

// EscapePath escapes a path for a link.
func EscapePath(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// unescapePath unescapes a path. It returns a malformed one unchanged.
func unescapePath(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}
