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
	"github.com/davit-oci/davit/mediatypes"
	"github.com/spf13/cobra"
)

// completionTime is how long a shell waits for the tags of a registry; users have typed on by then.
const completionTime = 2 * time.Second

// addCompletions adds the completion of tags and of values of flags. Arguments that may be files are completed as files, too.
func addCompletions(a *app.App, root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.Flags().Lookup("plain-http") != nil && cmd.ValidArgsFunction == nil && cmd.Name() != "login" {
			cmd.ValidArgsFunction = func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return completeTarget(a, cmd, typed)
			}
		}
		completeFlag(cmd, "kind", results.KindNames)
		completeFlag(cmd, "role", roleNames)
		completeFlag(cmd, "packing", func() []string {
			return []string{string(mediatypes.Raw), string(mediatypes.Tar), string(mediatypes.TarGzip), string(mediatypes.TarZstd)}
		})
		completeFlag(cmd, "sort", func() []string { return []string{"name", "version"} })
	}
	for flag, words := range map[string][]string{
		"format": {"text", "json"}, "progress": {"auto", "bar", "plain", "json", "none"},
	} {
		// The flag exists: it was added a moment ago.
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// completeFlag completes the values of a flag, if the command has it.
func completeFlag(cmd *cobra.Command, flag string, words func() []string) {
	if cmd.Flags().Lookup(flag) == nil {
		return
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words(), cobra.ShellCompDirectiveNoFileComp
	})
}

func roleNames() []string {
	var words []string
	for _, k := range kinds.Data() {
		words = append(words, k.Roles()...)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// completeTarget completes REPO: with the tags of that repository, layout, or archive, unless they take too long to list.
func completeTarget(a *app.App, cmd *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
	name, prefix, ok := cutTag(typed)
	if !ok || app.SetFromEnv(cmd.Flags()) != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	a.Registry.RetryFor = -1
	t, err := a.Open(ctx, name, registry.Read)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	defer t.Close(ctx, nil)
	tags, err := t.ListTags(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var words []string
	for _, tag := range tags {
		if strings.HasPrefix(tag, prefix) {
			words = append(words, name+":"+tag)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// cutTag cuts "REPO:TAG" at its colon, unless that belongs to a port.
func cutTag(typed string) (name, tag string, ok bool) {
	i := strings.LastIndexByte(typed, ':')
	if i <= strings.LastIndexByte(typed, '/') || !strings.Contains(typed, "/") {
		return "", "", false
	}
	return typed[:i], typed[i+1:], true
}
