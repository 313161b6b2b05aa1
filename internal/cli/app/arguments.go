package app

import (
	"fmt"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/spf13/cobra"
)

// Arguments checks that there are between least and most arguments; most < 0 means any number.
func Arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		usage := "usage: " + strings.TrimSuffix(cmd.UseLine(), " [flags]")
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
			return &exit.UsageError{Err: fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[most]), Hint: usage}
		}
		return nil
	}
}

// firstExample returns the first command in the examples of a command.
func firstExample(cmd *cobra.Command) string {
	first, _, _ := strings.Cut(cmd.Example, "\n")
	return strings.TrimSpace(first)
}

// fill returns the arguments of the command's usage that are missing, and the command with their names in place of them. The
// arguments come in order, unless one can only be the last: attach with only a reference lacks the file.
func fill(cmd *cobra.Command, args []string) (missing []string, complete string) {
	var names []string
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if !strings.HasPrefix(word, "[") {
			names = append(names, strings.TrimSuffix(word, "..."))
		}
	}
	words := append([]string{cmd.CommandPath()}, args...)
	if len(args) == 1 && len(names) == 2 && names[0] == "SOURCE" && !FileExists(args[0]) {
		if _, err := registry.Parse(args[0]); err == nil {
			return names[:1], strings.Join([]string{cmd.CommandPath(), names[0], args[0]}, " ")
		}
	}
	missing = names[min(len(args), len(names)):]
	return missing, strings.Join(append(words, missing...), " ")
}
