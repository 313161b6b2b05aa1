package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/spf13/cobra"
)

// Surplus is the annotation of a command that names where a surplus argument belongs: a flag such as --dir, or another command.
const Surplus = "surplus"

// Arguments returns a check that there are between least and most arguments, and that none is empty. A negative most means no limit.
// Inlined, it would add 57 KB to the program.
//
//go:noinline
func Arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		usage := "usage: " + strings.TrimSuffix(cmd.UseLine(), " [flags]")
		if err := CheckEmpty(cmd, args); err != nil {
			return err
		}
		switch {
		case len(args) < least:
			missing, complete := fill(cmd, args)
			hint, verb := usage, "is"
			switch example := firstExample(cmd); {
			case len(args) > 0:
				hint = complete
			case len(cmd.ValidArgs) > 0:
				hint += "\n" + missing[0] + " is one of " + strings.Join(cmd.ValidArgs, ", ")
			case example != "":
				hint += "\nfor example: " + example
			}
			if len(missing) > 1 {
				verb = "are"
			}
			return &exit.UsageError{Err: fmt.Errorf("%s: %s %s missing", cmd.CommandPath(), strings.Join(missing, " and "), verb), Hint: hint}
		case most >= 0 && len(args) > most:
			return &exit.UsageError{Err: fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[most]), Hint: cmp.Or(hintAtSurplus(cmd, args, most), usage)}
		}
		return nil
	}
}

// CheckEmpty returns an error if an argument is empty, such as the quoted variable "$TAG" without a value.
func CheckEmpty(cmd *cobra.Command, args []string) error {
	at := slices.Index(args, "")
	if at < 0 {
		return nil
	}
	return &exit.UsageError{Err: fmt.Errorf("%s: argument %d is empty", cmd.CommandPath(), at+1), Hint: "is a variable in the command set?"}
}

// hintAtSurplus returns a command line that accepts the first surplus argument. It is empty if none is known.
func hintAtSurplus(cmd *cobra.Command, args []string, most int) string {
	words, extra, to := strings.Fields(cmd.CommandPath()), args[most], cmd.Annotations[Surplus]
	isFile := func(name string) bool { return paths.Exists(name) && !paths.IsLayout(name) }
	takesFile := to == "--dir" || to == "--key"
	if most > 0 && (takesFile && !isFile(extra) || to == "--username" && reference.LooksLikeHost(extra)) {
		args, extra = []string{extra}, args[0]
	}
	switch {
	case to == "":
		return ""
	case !strings.HasPrefix(to, "-"):
		return shell.Command(slices.Concat(words[:1], []string{to}, args[:most+1])...)
	case takesFile && !isFile(extra):
		return ""
	case to == "--dir" && !paths.IsDirectory(extra):
		to = "--key"
	}
	return shell.Command(slices.Concat(words, args[:most], []string{to, extra})...)
}

// firstExample returns the first command in the examples of a command.
func firstExample(cmd *cobra.Command) string {
	first, _, _ := strings.Cut(cmd.Example, "\n")
	return strings.TrimSpace(first)
}

// fill returns the names of the missing arguments, and the command line completed with these names. It assigns arguments in order, with
// one exception: if a command takes SOURCE and a target, a single argument that is a valid reference and not a file is the target.
func fill(cmd *cobra.Command, args []string) (missing []string, complete string) {
	var names []string
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if !strings.HasPrefix(word, "[") {
			names = append(names, strings.TrimSuffix(word, "..."))
		}
	}
	words := append([]string{cmd.CommandPath()}, args...)
	if len(args) == 1 && len(names) == 2 && names[0] == "SOURCE" && !paths.Exists(args[0]) {
		if _, err := registry.Parse(args[0]); err == nil {
			return names[:1], strings.Join([]string{cmd.CommandPath(), names[0], args[0]}, " ")
		}
	}
	missing = names[min(len(args), len(names)):]
	return missing, strings.Join(append(words, missing...), " ")
}
