package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/term"
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
	width := helpWidth(a)
	fmt.Fprintf(&b, "%s\n\nUsage: %s\n", refill(strings.TrimSpace(description), width), cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	if cmd.HasAvailableSubCommands() {
		writeCommands(&b, cmd, width)
	}
	writeFlags(&b, cmd, width)
	if !cmd.HasParent() {
		writeExitCodes(&b, width)
	}
	_ = a.WriteOut([]byte(b.String())) // without standard output, there is no place for an error
}

func writeCommands(b *strings.Builder, cmd *cobra.Command, width int) {
	for _, group := range cmd.Groups() {
		fmt.Fprintf(b, "\n%s:\n", group.Title)
		for _, c := range cmd.Commands() {
			if c.GroupID == group.ID && c.IsAvailableCommand() {
				writeEntry(b, fmt.Sprintf("  %-12s", c.Name()), c.Short, width)
			}
		}
	}
}

// writeEntry writes a name and its meaning, in lines below each other.
func writeEntry(b *strings.Builder, name, text string, width int) {
	lines := refill(text, max(width-len(name), 20))
	b.WriteString(name + strings.ReplaceAll(lines, "\n", "\n"+strings.Repeat(" ", len(name))) + "\n")
}

// maxHelp is the width of help where there is room.
const maxHelp = 100

// helpWidth returns the width of the lines of help: that of the terminal, if it is narrower than most.
func helpWidth(a *app.App) int {
	if screen := term.NewScreen(a.Stdout); screen.Width > 0 {
		return min(screen.Width, maxHelp)
	}
	return maxHelp
}

// refill wraps paragraphs again if some of their lines are too long. Indented lines stay.
func refill(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, paragraph := range paragraphs {
		lines := strings.Split(paragraph, "\n")
		if !slices.ContainsFunc(lines, func(l string) bool { return len(l) > width }) || strings.HasPrefix(paragraph, " ") {
			continue
		}
		var b strings.Builder
		column := 0
		for _, word := range strings.Fields(paragraph) {
			switch {
			case column == 0:
			case column+1+len(word) > width:
				b.WriteString("\n")
				column = 0
			default:
				b.WriteString(" ")
				column++
			}
			b.WriteString(word)
			column += len(word)
		}
		paragraphs[i] = b.String()
	}
	return strings.Join(paragraphs, "\n\n")
}

// writeFlags lists the flags of the command first, then the registry flags, then those of every command.
func writeFlags(b *strings.Builder, cmd *cobra.Command, width int) {
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
		b.WriteString("\n" + refill("\"davit --help\" lists the flags of every command, environment variables and exit codes.", width) + "\n")
	}
}

func writeExitCodes(b *strings.Builder, width int) {
	b.WriteString("\n" + refill(Environment, width) + "\n\nExit codes:\n")
	for _, e := range exit.Codes {
		writeEntry(b, fmt.Sprintf("  %-5d", e.Code), e.Text, width)
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
					return noSuchCommand(root, args)
				}
				cmd = found
			}
			return cmd.Help()
		},
	}
}
