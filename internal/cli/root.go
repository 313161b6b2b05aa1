package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/digestcache"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// app is what every command has: the streams, the flags of every command, and how to open targets.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr *term.Console

	format   format
	quiet    bool
	progress term.ProgressMode
	debug    bool

	registry    registry.Options // from the flags; client completes them
	logins      logins
	clients     map[connection]*registry.Client
	listLeftOut bool             // see tellLeftOut
	untold      []*artifact.Plan // what tell keeps for the end
	cache       *digestcache.Cache
}

// The groups of commands in the help text.
const (
	groupDeclare  = "declare"
	groupMove     = "move"
	groupAttach   = "attach"
	groupLook     = "look"
	groupRegistry = "registry"
	groupOther    = "other"
)

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "davit COMMAND",
		Short: "Turns declared files into typed OCI artifacts; pushes, pulls and attaches them",
		Long: `davit turns declared files - models, docs, runbooks, wasm, volumes, charts, compose
apps, dev containers, SBOMs - into typed OCI artifacts, and pushes, pulls and attaches
them. A target is a registry reference (HOST/REPO:TAG) or a path (./dir, ./file.tar):
every command takes either.`,
		Example: `  davit push model.gguf registry.example.com/models/tiny:1.0
  davit attach sbom.spdx.json registry.example.com/models/tiny:1.0
  davit pull registry.example.com/models/tiny:1.0 -o tiny`,
		Args:              cobra.ArbitraryArgs,
		RunE:              a.unknownCommand,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Version:           readVersion().Version,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: a.prepare,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(a.help)
	addGlobalFlags(root.PersistentFlags(), a)
	root.AddGroup(
		&cobra.Group{ID: groupDeclare, Title: "Declare"},
		&cobra.Group{ID: groupMove, Title: "Pack and move"},
		&cobra.Group{ID: groupAttach, Title: "Attach and discover"},
		&cobra.Group{ID: groupLook, Title: "Look inside"},
		&cobra.Group{ID: groupRegistry, Title: "Registries and layouts"},
		&cobra.Group{ID: groupOther, Title: "Other"},
	)
	root.SetHelpCommand(newHelpCommand(a, root))
	root.AddCommand(
		newInitCommand(a), newKindsCommand(a), newSchemaCommand(a), newCheckCommand(a),
		newPackCommand(a), newPushCommand(a), newPullCommand(a), newCopyCommand(a),
		newAttachCommand(a), newDiscoverCommand(a), newDetachCommand(a),
		newInspectCommand(a), newListCommand(a), newCatCommand(a), newShowCommand(a), newDiffCommand(a), newVerifyCommand(a),
		newTagCommand(a), newTagsCommand(a), newResolveCommand(a), newDeleteCommand(a), newIndexCommand(a),
		newServeCommand(a),
		newLoginCommand(a), newLogoutCommand(a),
		newCacheCommand(a), newVersionCommand(a),
		newCompletionCommand(a),
	)
	addCompletions(a, root)
	return root
}

// prepare runs before every command: flags that were not given take their value from the environment.
func (a *app) prepare(cmd *cobra.Command, _ []string) error {
	if err := setFromEnv(cmd.Flags()); err != nil {
		return err
	}
	if f := a.format.name; (f == "yaml" || f == "tree") && !slices.Contains(formatsOf(cmd), f) {
		return &usageError{err: fmt.Errorf("--format %s: %q does not print that", f, cmd.CommandPath())}
	}
	a.stderr.Mode = a.progress
	if a.quiet {
		a.stderr.Mode = term.ProgressNone
	}
	return nil
}

// formatsOf names the formats that a single command knows besides those of all.
func formatsOf(cmd *cobra.Command) []string { return strings.Fields(cmd.Annotations["formats"]) }

// unknownCommand is what davit itself does: help when nothing was asked, an error when the word is no command.
func (a *app) unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return noSuchCommand(cmd, args[0])
}

func noSuchCommand(root *cobra.Command, name string) error {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	hint := textdist.DidYouMean(name, names)
	if hint == "" {
		hint = `"davit --help" lists the commands`
	}
	return &usageError{err: fmt.Errorf("no such command: %q", name), hint: hint}
}

// flagError makes a usage error of what pflag found, with the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); !cmd.HasParent() && len(args) > 0 {
		return noSuchCommand(cmd, args[0])
	}
	hint := fmt.Sprintf("\"%s --help\" lists the flags", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if flag := textdist.Closest(unknown.GetSpecifiedName(), names); flag != "" {
			hint = fmt.Sprintf("did you mean %q?", "--"+flag)
		}
	}
	return &usageError{err: err, hint: hint}
}

// arguments wants between least and most arguments (most < 0: any number) and says what they are.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := "usage: " + cmd.UseLine()
		switch {
		case len(args) < least:
			return &usageError{err: fmt.Errorf("%s: %s expected, got %d", cmd.CommandPath(), atLeast(least, most), len(args)), hint: hint}
		case most >= 0 && len(args) > most:
			return &usageError{err: fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[most]), hint: hint}
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
