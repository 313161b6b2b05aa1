package cli

import (
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints the help text of a command.
func help(a *app.App, cmd *cobra.Command) {
	var b strings.Builder
	description := cmd.Long
	if description == "" {
		description = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n\nUsage: %s\n", strings.TrimSpace(description), cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	if cmd.HasAvailableSubCommands() {
		writeCommands(&b, cmd)
	}
	writeFlags(&b, cmd)
	if !cmd.HasParent() {
		writeExitCodes(&b)
	}
	_ = a.WriteOut([]byte(b.String())) // without standard output, there is no place for an error
}

func writeCommands(b *strings.Builder, cmd *cobra.Command) {
	for _, group := range cmd.Groups() {
		fmt.Fprintf(b, "\n%s:\n", group.Title)
		for _, c := range cmd.Commands() {
			if c.GroupID == group.ID && c.IsAvailableCommand() {
				fmt.Fprintf(b, "  %-12s%s\n", c.Name(), c.Short)
			}
		}
	}
}

// writeFlags lists the flags of the command first, then the registry flags, then those of every command.
func writeFlags(b *strings.Builder, cmd *cobra.Command) {
	const width = 100 // of the lines
	groups := map[string]*pflag.FlagSet{}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		group := "Flags"
		if names := f.Annotations[app.FlagGroup]; len(names) > 0 {
			group = names[0]
		}
		if f.Name == "help" || cmd.InheritedFlags().Lookup(f.Name) != nil {
			return
		}
		if cmd.PersistentFlags().Lookup(f.Name) != nil {
			group = "Flags of every command"
		}
		if groups[group] == nil {
			groups[group] = pflag.NewFlagSet(group, pflag.ContinueOnError)
			groups[group].SortFlags = false
		}
		groups[group].AddFlag(f)
	})
	for _, group := range []string{"Flags", app.RegistryFlags, "Flags of every command"} {
		if groups[group] != nil {
			fmt.Fprintf(b, "\n%s:\n%s", group, groups[group].FlagUsagesWrapped(width))
		}
	}
	if cmd.HasParent() {
		b.WriteString("\n\"davit --help\" lists the flags of every command, environment variables and exit codes.\n")
	}
}

func writeExitCodes(b *strings.Builder) {
	b.WriteString("\n" + Environment + "\n\nExit codes:\n")
	for _, e := range exit.Codes {
		fmt.Fprintf(b, "  %-5d%s\n", e.Code, e.Text)
	}
}

// newHelpCommand is "davit help COMMAND".
func newHelpCommand(a *app.App, root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Print the help of a command",
		Example: "  davit help push",
		GroupID: app.GroupOther,
		Args:    app.Arguments(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			cmd := root
			if len(args) > 0 {
				found, _, err := root.Find(args)
				if err != nil || found == root {
					return noSuchCommand(root, args[0])
				}
				cmd = found
			}
			return cmd.Help()
		},
	}
}
