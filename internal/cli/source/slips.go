package source

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/shell"
)

// MoreTags returns the push that was meant by tags behind the target, or by several in it, as other clients take them; or "".
func MoreTags(sources []string, target string) string {
	words := slices.Concat(sources, []string{target})
	for i, word := range words {
		first, others, _ := strings.Cut(word, ",")
		if ref, err := registry.Parse(first); err != nil || ref.IsPath() || paths.Exists(word) {
			continue
		}
		tags := words[i+1:]
		if others != "" {
			tags = slices.Concat(strings.Split(others, ","), tags)
		}
		if slices.ContainsFunc(tags, func(tag string) bool { return reference.ValidateTag(tag) != nil }) {
			return ""
		}
		words = slices.Concat([]string{"davit", "push"}, words[:i], []string{first})
		for _, tag := range tags {
			words = append(words, "--tag", tag)
		}
		return shell.Command(words...)
	}
	return ""
}

// CheckLast returns an error if the last of several sources of a pack is where the others shall go.
func CheckLast(sources []string) error {
	if len(sources) < 2 {
		return nil
	}
	others, last := sources[:len(sources)-1], sources[len(sources)-1]
	ref, err := registry.Parse(last)
	words := slices.Concat([]string{"davit", "pack"}, others, []string{"-o", last})
	switch isFile := paths.Exists(last); {
	case err != nil || isFile && !paths.IsLayout(last):
		return nil
	case !ref.IsPath():
		words = slices.Concat([]string{"davit", "push"}, others, []string{last})
	case ref.Tag == "" && !ref.IsArchive() && filepath.Ext(last) != "": // probably a file with a mistake in its name
		return nil
	}
	return &exit.UsageError{Err: fmt.Errorf("%q is a target, not a source", last), Hint: shell.Command(words...)}
}
