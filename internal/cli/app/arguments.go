package app

import (
	"fmt"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

// Arguments checks that there are between least and most arguments; most < 0 means any number.
func Arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := "usage: " + cmd.UseLine()
		switch {
		case len(args) < least:
			return &exit.UsageError{Err: fmt.Errorf("%s: %s expected, got %d", cmd.CommandPath(), atLeast(least, most), len(args)), Hint: hint}
		case most >= 0 && len(args) > most:
			return &exit.UsageError{Err: fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[most]), Hint: hint}
		}
		return nil
	}
}

func atLeast(least, most int) string {
	if least == most {
		return term.Plural(least, "argument")
	}
	return "at least " + term.Plural(least, "argument")
}
