package source

import (
	"archive/tar"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/shell"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxEntries limits the entries of a tar that isArchive reads.
const maxEntries = 10_000

// SuggestTags returns the intended push command if the arguments have more tags after the target, or tags separated by commas in it, as other
// clients accept them. Otherwise, it returns "".
func SuggestTags(sources []string, target string) string {
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

// CheckLayout returns an error if a directory to declare is an image layout.
func CheckLayout(dir string) error { return checkLayouts([]string{dir}) }

// checkLayouts returns an error if a source is an image layout or an archive of one. Its artifacts were probably meant to be copied.
func checkLayouts(sources []string) error {
	for _, name := range sources {
		if !paths.IsLayout(name) && !isArchive(name) {
			continue
		}
		from := filepath.ToSlash(name)
		if ref, err := registry.Parse(from); err != nil || !ref.IsPath() {
			from = "./" + from
		}
		return &exit.UsageError{Err: fmt.Errorf("%s is an OCI image layout: init, push, and pack take files", name),
			Hint: shell.Command("davit", "copy", from, "TARGET") + " copies the artifact in it; --kind generic packs its files"}
	}
	return nil
}

// isArchive reports whether a tar has a layout in it. It reads only the headers of the first maxEntries entries.
func isArchive(name string) bool {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || filepath.Ext(name) != ".tar" {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	entries := tar.NewReader(f)
	for range maxEntries {
		h, err := entries.Next()
		if err != nil {
			return false
		}
		if path.Clean(h.Name) == ocispec.ImageLayoutFile {
			return true
		}
	}
	return false
}

// CheckLast returns a usage error if the last of several sources of davit pack is probably meant as the target.
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
