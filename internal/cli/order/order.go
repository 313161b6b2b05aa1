// Package order checks the order of arguments.
package order

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/spf13/cobra"
)

// CheckTarget calls CheckTargetFirst without more hints. It is a function for the field Args of a command.
func CheckTarget(cmd *cobra.Command, args []string) error { return CheckTargetFirst(cmd, args) }

// CheckTargetFirst returns an error if the last argument is a reference, and the first is neither a reference nor an existing path. The
// hints are the command with the last argument first, and those in more.
func CheckTargetFirst(cmd *cobra.Command, args []string, more ...string) error {
	if len(args) < 2 || paths.Exists(args[0]) {
		return nil
	}
	others, last := args[:len(args)-1], args[len(args)-1]
	if _, err := registry.ParseSource(args[0]); err == nil {
		return nil
	}
	if _, err := registry.ParseSource(last); err != nil {
		return nil
	}
	hints := append([]string{shell.Command(slices.Concat([]string{"davit", cmd.Name(), last}, others)...)}, more...)
	return &exit.UsageError{Err: fmt.Errorf("%q is not a reference: TARGET is the first argument", args[0]), Hint: strings.TrimSpace(strings.Join(hints, "\n"))}
}

// CheckPath returns an error if the only argument is an artifact and a file in it, joined by a slash. It is a function for the field
// Args of a command.
func CheckPath(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return nil
	}
	target, file := splitPath(args[0])
	if file == "" {
		return nil
	}
	return &exit.UsageError{
		Err:  fmt.Errorf("%q names both an artifact and a file in it: they are two arguments", args[0]),
		Hint: shell.Command("davit", cmd.Name(), target, file),
	}
}

// splitPath returns the artifact and the file of ARTIFACT/FILE. The file is empty if the text is a valid reference to a registry or an
// existing layout, or if it does not begin with an artifact that has a tag or digest, or with such a layout.
func splitPath(text string) (target, file string) {
	isThere := func(ref registry.Reference) bool {
		ref = paths.SplitRepository(ref)
		return paths.IsLayout(ref.Path) || ref.IsArchive() && paths.Exists(ref.Path)
	}
	if ref, err := registry.ParseSource(text); err == nil && (!ref.IsPath() || isThere(ref)) {
		return text, ""
	}
	for i := range text {
		if text[i] != '/' || strings.Trim(text[i:], "/") == "" {
			continue
		}
		ref, err := registry.ParseSource(text[:i])
		if err == nil && (ref.IsPath() && isThere(ref) || !ref.IsPath() && ref.Reference() != "") {
			return text[:i], strings.Trim(text[i:], "/")
		}
	}
	return text, ""
}

// CheckTagsLast returns an error if the last argument is a reference, as in "docker tag" or in a command such as "tag ls REPO".
func CheckTagsLast(args []string) error {
	last := args[len(args)-1]
	if !strings.Contains(last, "/") {
		return nil
	}
	if _, err := registry.Parse(last); err != nil {
		return nil
	}
	hint := shell.Command("davit", "copy", args[0], last)
	_, firstErr := registry.Parse(args[0])
	if args[0] == "ls" || args[0] == "list" {
		hint = shell.Command("davit", "tags", last)
	} else if firstErr != nil && len(args) == 2 {
		hint = shell.Command("davit", "tag", last, args[0])
	} else if tags := extractTags(args); tags != nil {
		hint = shell.Command(append([]string{"davit", "tag", args[0]}, tags...)...)
	}
	return &exit.UsageError{Err: fmt.Errorf("%q is a reference, not a tag", last), Hint: hint}
}

// extractTags returns the tags in the arguments after the first. It returns nil if one of them is not in the repository or layout of the
// first.
func extractTags(args []string) []string {
	first, err := registry.Parse(args[0])
	if err != nil {
		return nil
	}
	tags := slices.Clone(args[1:])
	for i, arg := range tags {
		ref, err := registry.Parse(arg)
		switch {
		case err != nil && strings.Contains(arg, "/"), err == nil && (ref.Name() != first.Name() || ref.InLayout() != first.InLayout() || ref.Tag == ""):
			return nil
		case err == nil:
			tags[i] = ref.Tag
		}
	}
	return tags
}
