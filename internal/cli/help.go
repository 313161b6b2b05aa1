package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
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
	fmt.Fprintf(&b, "%s\n\n%s\n", refill(strings.TrimSpace(description), width), refill("Usage: "+cmd.UseLine(), width))
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", foldCommands(strings.TrimRight(cmd.Example, "\n"), width))
	}
	if cmd.HasAvailableSubCommands() {
		writeCommands(&b, cmd, width)
	}
	writeFlags(&b, cmd, width)
	if !cmd.HasParent() {
		writeTopics(&b, width)
	}
	_ = a.WriteOut([]byte(b.String())) // functions of cobra that print help return no error
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

// writeEntry writes a name and, beside it, the lines of its text.
func writeEntry(b *strings.Builder, name, text string, width int) {
	lines := refill(text, max(width-len(name), 20))
	b.WriteString(name + strings.ReplaceAll(lines, "\n", "\n"+strings.Repeat(" ", len(name))) + "\n")
}

// maxHelp is the maximum width of help, in columns.
const maxHelp = 100

// helpWidth returns the width of help: that of the terminal, but at most maxHelp.
func helpWidth(a *app.App) int {
	if screen := term.NewScreen(a.Stdout); screen.Width > 0 {
		return min(screen.Width, maxHelp)
	}
	return maxHelp
}

// refill wraps paragraphs again if some of their lines are too long. Indented paragraphs stay.
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
		if f.Name == "help" || f.Hidden || cmd.InheritedFlags().Lookup(f.Name) != nil {
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
			fmt.Fprintf(b, "\n%s:\n%s", group, flagUsages(groups[group], width))
		}
	}
	if cmd.HasParent() {
		b.WriteString("\n" + refill("\"davit --help\" lists the flags of every command, and topics such as environment and exit-codes.", width) + "\n")
	}
}

// minUsage is the minimum width of the texts of flags beside their names, in columns. If there is less room, the texts are below the
// names.
const minUsage = 32

// flagUsages returns a list of flags with their texts.
func flagUsages(flags *pflag.FlagSet, width int) string {
	text := flags.FlagUsagesWrapped(width)
	names := 0
	value := func(f *pflag.Flag) string { name, _ := pflag.UnquoteUsage(f); return name }
	flags.VisitAll(func(f *pflag.Flag) {
		names = max(names, len("      --  ")+len(f.Name)+len(value(f)))
	})
	if names+minUsage <= width {
		return text
	}
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		one := pflag.NewFlagSet("", pflag.ContinueOnError)
		one.AddFlag(f)
		name, usage, _ := strings.Cut(strings.TrimSpace(one.FlagUsages()), "   ")
		if f.Shorthand == "" {
			name = "    " + name
		}
		const indent = "          "
		if len("  ")+len(name) > width {
			name = strings.Replace(name, " "+value(f), "\n"+indent+value(f), 1)
		}
		fmt.Fprintf(&b, "  %s\n%s%s\n", name, indent, strings.ReplaceAll(refill(usage, width-len(indent)), "\n", "\n"+indent))
	})
	return b.String()
}

// foldCommands breaks command lines that are too long, with a backslash as shells require. Lines with a comment stay.
func foldCommands(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		const indent, fold = 4, " \\"
		line, isLine := strings.CutSuffix(line, "\n")
		words, column := quotedWords(line), 0
		for i, word := range words {
			n := len(strings.TrimRight(word, " "))
			if i < len(words)-1 {
				n += len(fold)
			}
			if column+n > width && column > indent && !strings.Contains(line, "#") {
				column = max(0, min(indent, width-n))
				b.WriteString(fold[1:] + "\n" + strings.Repeat(" ", column))
			}
			b.WriteString(word)
			column += len(word)
		}
		if isLine {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// quotedWords splits a line after the spaces outside of quotes. Each word keeps the space after it.
func quotedWords(line string) []string {
	var words []string
	isQuoted := false
	for _, part := range strings.SplitAfter(line, " ") {
		if isQuoted {
			words[len(words)-1] += part
		} else {
			words = append(words, part)
		}
		isQuoted = isQuoted != ((strings.Count(part, "'")+strings.Count(part, `"`))%2 == 1)
	}
	return words
}

// newHelpCommand returns the command "davit help".
func newHelpCommand(a *app.App, root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Print the help of a command, or about a topic",
		Example: "  davit help push\n  davit help davit.yaml\n  davit help exit-codes",
		GroupID: app.GroupOther,
		Args:    app.Arguments(0, 1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return helpNames(root), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd := root
			if len(args) > 0 {
				if t, ok := findTopic(args[0]); ok {
					var b strings.Builder
					t.write(&b, helpWidth(a))
					return a.WriteOut([]byte(b.String()))
				}
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
