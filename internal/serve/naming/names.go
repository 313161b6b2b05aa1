// Package naming finds which repository of a layout a name is of, and what belongs to each.
package naming

import (
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/internal/reference"
	"oras.land/oras-go/v2/registry"
)

// maxName is the maximum length of a repository name in bytes. Clients allow 255 characters for host and name together.
const maxName = 255

// IsValid reports whether a text is a valid repository name.
func IsValid(name string) bool {
	return len(name) <= maxName && registry.Reference{Repository: name}.ValidateRepository() == nil
}

// IsTag reports whether a text is a valid tag.
func IsTag(tag string) bool {
	return reference.TagPattern().MatchString(tag)
}

// Home returns the repository name of a single layout: its file name, changed to match the grammar.
func Home(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	name := strings.ToLower(strings.TrimSuffix(filepath.Base(path), ".tar"))
	if IsValid(name) {
		return name
	}
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
	if name = strings.Trim(name[:min(len(name), maxName)], "-"); name == "" {
		return "layout"
	}
	return name
}

// Split splits a name in an index into a repository without its host, and a tag. A name that is only a tag belongs to every
// repository. If the repository is not valid, both are "".
func Split(name string) (repository, tag string) {
	_, repository, tag = reference.SplitName(name)
	if repository != "" && !IsValid(repository) {
		return "", ""
	}
	return repository, tag
}
