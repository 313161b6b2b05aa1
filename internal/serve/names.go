package serve

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/reference"
	"oras.land/oras-go/v2/registry"
)

// maxName is the longest repository name. Clients allow 255 characters for host and name together.
const maxName = 255

func isValidName(name string) bool {
	return len(name) <= maxName && registry.Reference{Repository: name}.ValidateRepository() == nil
}

func isValidTag(tag string) bool {
	return reference.TagPattern().MatchString(tag)
}

// homeName returns the name of the repository of a single layout: its file name, changed to match the grammar.
func homeName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	name := strings.ToLower(strings.TrimSuffix(filepath.Base(path), ".tar"))
	if isValidName(name) {
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

// splitName splits a name in an index into a repository without its host, and a tag. A name that is only a tag belongs to every
// repository.
func splitName(name string) (repository, tag string) {
	_, repository, tag = reference.SplitName(name)
	if repository != "" && !isValidName(repository) {
		return "", ""
	}
	return repository, tag
}

// sortedSet sorts a list and removes duplicates. The result is never nil, so that JSON has no null.
func sortedSet(list []string) []string {
	slices.Sort(list)
	return append([]string{}, slices.Compact(list)...)
}
