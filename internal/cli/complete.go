package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completionTime limits the time of a completion: users do not wait longer.
const completionTime = 2 * time.Second

// addCompletions adds completions of arguments and of the values of flags. Arguments that may be files are completed as files, too.
func addCompletions(a *app.App, root *cobra.Command) {
	formats := map[string][]string{"format": {"text", "json"}, "progress": {"auto", "bar", "plain", "json", "none"}}
	for flag, words := range formats {
		// The error is nil: the flag exists.
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	for _, cmd := range everyCommand(root)[1:] {
		if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
			cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
				return completeArgument(a, cmd, args, typed)
			}
		}
		completeAttachedKinds(a, cmd)
		completeFlag(cmd, "role", roleNames)
		completeFlag(cmd, "packing", func() []string {
			return []string{string(mediatypes.Raw), string(mediatypes.Tar), string(mediatypes.TarGzip), string(mediatypes.TarZstd), string(mediatypes.Zip)}
		})
		completeFlag(cmd, "signature-format", func() []string { return []string{"bundle", "legacy", "both"} })
		completeFlag(cmd, "sort", func() []string { return []string{"name", "version"} })
		completeFromTarget(a, cmd, "alert", listAlerts)
		completeFromTarget(a, cmd, "platform", platformsOf)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if value, _ := pflag.UnquoteUsage(f); !isFile(value) {
				_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions) // fails if the flag has a completion already
			}
		})
	}
}

// isFile reports whether a value or an argument of this name is a file or directory.
func isFile(name string) bool {
	return slices.ContainsFunc([]string{"FILE", "DIR", "PATH", "LAYOUT"}, func(word string) bool { return strings.Contains(name, word) })
}

// removeQuotes removes the quotes around the names of values in the texts of flags. They are for help, and shells would print them.
func removeQuotes(root *cobra.Command) {
	for _, cmd := range everyCommand(root) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
	}
}

// completeFlag completes the values of a flag, if the command has it. After a comma, it completes another value.
func completeFlag(cmd *cobra.Command, flag string, words func() []string) {
	if cmd.Flags().Lookup(flag) == nil {
		return
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completeList(words(), typed), cobra.ShellCompDirectiveNoFileComp
	})
}

// completeList returns the words that are not in the typed list yet, each after the part of the list up to the last comma.
func completeList(all []string, typed string) []string {
	given := typed[:strings.LastIndexByte(typed, ',')+1]
	for i, word := range all {
		if name, _, _ := strings.Cut(word, "\t"); slices.Contains(strings.Split(given, ","), name) {
			word = "" // given already
		}
		all[i] = given + word
	}
	return slices.DeleteFunc(all, func(word string) bool { return word == given })
}

// completeAttachedKinds completes --kind. Commands that list or remove attachments offer the kinds of the subject's attachments;
// all kinds are offered by other commands, and if no attachment can be listed in time.
func completeAttachedKinds(a *app.App, cmd *cobra.Command) {
	if !slices.Contains([]string{"discover", "detach"}, cmd.Name()) {
		completeFlag(cmd, "kind", results.KindNames)
		return
	}
	_ = cmd.RegisterFlagCompletionFunc("kind", func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		words, directive := completeWithin(a, cmd, args, attachedKinds)
		if len(words) == 0 {
			words = results.KindNames()
		}
		return completeList(words, typed), directive
	})
}

// completeFromTarget completes the values of a flag, if the command has it. The function list returns them for the target in the
// first argument.
func completeFromTarget(a *app.App, cmd *cobra.Command, flag string, list func(ctx context.Context, t *app.Target, typed string) ([]string, error)) {
	if cmd.Flags().Lookup(flag) == nil {
		return
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completeWithin(a, cmd, args, func(ctx context.Context, t *app.Target) ([]string, error) { return list(ctx, t, typed) })
	})
}

func roleNames() []string {
	var words []string
	for _, k := range kinds.Data() {
		words = append(words, k.Roles()...)
	}
	return lists.SortUnique(words)
}

// completeArgument completes an argument by its name in the usage of the command: a file of the artifact, an attachment, a tag, a host.
// Any other argument is a target, or a file.
func completeArgument(a *app.App, cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	names := strings.Fields(cmd.Use)[1:]
	if len(names) == 0 || len(args) >= len(names) && !strings.Contains(names[len(names)-1], "...") && !strings.Contains(names[0], "...") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	name := strings.Trim(names[min(len(args), len(names)-1)], "[].")
	within := func(list func(context.Context, *app.Target) ([]string, error)) ([]string, cobra.ShellCompDirective) {
		return completeWithin(a, cmd, args, list)
	}
	switch {
	case len(args) > 0 && (name == "PATH" || name == "FILE"):
		return within(func(ctx context.Context, t *app.Target) ([]string, error) {
			return listPaths(ctx, t, args[1:], typed, name == "PATH")
		})
	case len(args) > 0 && strings.HasPrefix(name, "DIGEST"):
		return within(func(ctx context.Context, t *app.Target) ([]string, error) {
			return attachmentsOf(ctx, t, args[1:], typed)
		})
	case name == "TAG":
		return within(func(ctx context.Context, t *app.Target) ([]string, error) { return t.ListTags(ctx) })
	case name == "HOST":
		return hosts(a, cmd, typed), cobra.ShellCompDirectiveNoFileComp
	case name == "NAME":
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if strings.Contains(cmd.Use, "SOURCE...") {
		name = "SOURCE" // the last argument is the target, but more arguments may follow
	}
	return completeTarget(a, cmd, name, typed)
}

// helpNames returns the commands and topics that have a help text, each with its summary.
func helpNames(root *cobra.Command) []string {
	var words []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			words = append(words, c.Name()+"\t"+c.Short)
		}
	}
	for _, t := range topics() {
		words = append(words, t.name+"\t"+t.short)
	}
	return words
}

// completeWithin returns the words that list finds in the target in the first argument. It returns none after completionTime.
func completeWithin(a *app.App, cmd *cobra.Command, args []string, list func(context.Context, *app.Target) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 || app.SetFromEnv(cmd.Flags()) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	a.Registry.RetryFor = -1
	words, err := app.With(ctx, a, args[0], registry.Read, func(t *app.Target) ([]string, error) {
		if err := t.Complete(ctx); err != nil {
			return nil, err
		}
		return list(ctx, t)
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	words = slices.DeleteFunc(words, hasShellSyntax)
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(words) == 1 && strings.HasSuffix(words[0], "/") {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return words, directive
}

// hasShellSyntax reports whether a shell could run a part of a word, which may come from an artifact or a registry. The completion
// scripts quote a word only if it is the only one, and evaluate the words of the line when they complete the next word.
func hasShellSyntax(word string) bool {
	word, _, _ = strings.Cut(word, "\t")
	return strings.ContainsAny(word, "$`;&|<>()'\"\\!\n")
}

// maxPaths limits the paths that are offered. If there are more, their directories are offered.
const maxPaths = 100

// listPaths returns the files of an artifact that begin as typed, without those that were given already. If inside is set, it also returns
// the files in archives such as charts.
func listPaths(ctx context.Context, t *app.Target, given []string, typed string, inside bool) ([]string, error) {
	list, err := read.List(ctx, t.Target, t.Ref.Reference(), read.ListOptions{Archives: inside})
	if err != nil {
		return nil, err
	}
	files := list.Files
	for _, one := range list.Archives {
		files = append(files, one.Files...)
	}
	var paths []string
	for _, f := range files {
		if !strings.HasPrefix(f.Path, typed) || slices.Contains(given, f.Path) || term.Escape(f.Path) != f.Path { // a line feed in a name would split the word
			continue
		}
		paths = append(paths, f.Path)
	}
	return shorten(paths, typed), nil
}

// listAttached returns the direct attachments of a target.
func listAttached(ctx context.Context, t *app.Target) ([]*referrers.Referrer, error) {
	desc, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	return referrers.List(ctx, t.Target, desc, referrers.Options{})
}
