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
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completionTime limits the time that a shell waits for the tags of a registry: users continue typing by then.
const completionTime = 2 * time.Second

// addCompletions adds the completion of tags and of values of flags. Arguments that may be files are completed as files, too.
func addCompletions(a *app.App, root *cobra.Command) {
	for _, cmd := range everyCommand(root)[1:] {
		if cmd.Flags().Lookup("plain-http") != nil && cmd.ValidArgsFunction == nil && cmd.Name() != "login" {
			cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
				return completeArgument(a, cmd, args, typed)
			}
		}
		completeFlag(cmd, "kind", results.KindNames)
		completeFlag(cmd, "role", roleNames)
		completeFlag(cmd, "packing", func() []string {
			return []string{string(mediatypes.Raw), string(mediatypes.Tar), string(mediatypes.TarGzip), string(mediatypes.TarZstd), string(mediatypes.Zip)}
		})
		completeFlag(cmd, "signature-format", func() []string { return []string{"bundle", "legacy", "both"} })
		if cmd.Flags().Lookup("alert") != nil {
			_ = cmd.RegisterFlagCompletionFunc("alert", func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
				return completeWithin(a, cmd, args, func(ctx context.Context, t *app.Target) ([]string, error) { return alertsOf(ctx, t, typed) })
			})
		}
		completeFlag(cmd, "sort", func() []string { return []string{"name", "version"} })
	}
	for flag, words := range map[string][]string{
		"format": {"text", "json"}, "progress": {"auto", "bar", "plain", "json", "none"},
	} {
		// The flag exists: it was added a moment ago.
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// withoutQuotes removes from the texts of flags the quotes around the names of their values, which only help understands.
func withoutQuotes(root *cobra.Command) {
	for _, cmd := range everyCommand(root) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
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

// completeArgument completes an argument by its name in the usage of the command: a file of the artifact, or an attachment. Any other
// is a target, or a file.
func completeArgument(a *app.App, cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	names := strings.Fields(cmd.Use)[1:]
	name := strings.Trim(names[min(len(args), len(names)-1)], "[].")
	switch {
	case len(args) > 0 && (name == "PATH" || name == "FILE"):
		return completeWithin(a, cmd, args, func(ctx context.Context, t *app.Target) ([]string, error) { return pathsIn(ctx, t, args[1:], typed) })
	case len(args) > 0 && strings.HasPrefix(name, "DIGEST"):
		return completeWithin(a, cmd, args, func(ctx context.Context, t *app.Target) ([]string, error) { return digestsOf(ctx, t, typed) })
	}
	return completeTarget(a, cmd, typed)
}

// completeWithin returns the words that list finds in the artifact that the first argument names, unless it takes too long.
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
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(words) == 1 && strings.HasSuffix(words[0], "/") {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return words, directive
}

// mostPaths limits the paths that are offered. Of more paths, their directories are offered.
const mostPaths = 100

// pathsIn returns the files of an artifact that begin as typed, without those that were given already.
func pathsIn(ctx context.Context, t *app.Target, given []string, typed string) ([]string, error) {
	list, err := read.List(ctx, t.Target, t.Ref.Reference(), read.ListOptions{})
	if err != nil {
		return nil, err
	}
	var paths, dirs []string
	for _, f := range list.Files {
		rest, ok := strings.CutPrefix(f.Path, typed)
		if !ok || slices.Contains(given, f.Path) || term.Escape(f.Path) != f.Path { // lines of words are split where a name has a line feed
			continue
		}
		paths = append(paths, f.Path)
		if dir, _, below := strings.Cut(rest, "/"); below {
			dirs = append(dirs, typed+dir+"/")
		} else {
			dirs = append(dirs, f.Path)
		}
	}
	if len(paths) > mostPaths {
		return slices.Compact(dirs), nil
	}
	return paths, nil
}

// attachedTo returns the direct attachments of a target.
func attachedTo(ctx context.Context, t *app.Target) ([]*referrers.Referrer, error) {
	desc, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	return referrers.List(ctx, t.Target, desc, referrers.Options{})
}

// digestsOf returns the digests of attachments, each with its kind and name.
func digestsOf(ctx context.Context, t *app.Target, typed string) ([]string, error) {
	list, err := attachedTo(ctx, t)
	var words []string
	for _, r := range list {
		if strings.HasPrefix(r.Digest.String(), typed) {
			words = append(words, r.Digest.String()+"\t"+term.Escape(strings.TrimSpace(r.Kind+" "+r.Annotations[ocispec.AnnotationTitle])))
		}
	}
	return words, err
}

// alertsOf returns the alerts that runbooks of a target answer, each with the title of its runbook.
func alertsOf(ctx context.Context, t *app.Target, typed string) ([]string, error) {
	list, err := attachedTo(ctx, t)
	var words []string
	for _, r := range list {
		for _, alert := range r.Alerts() {
			if strings.HasPrefix(strings.ToLower(alert), strings.ToLower(typed)) {
				words = append(words, term.Escape(alert)+"\t"+term.Escape(r.Annotations[ocispec.AnnotationTitle]))
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words), err
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
