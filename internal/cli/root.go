package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/attach"
	"github.com/davit-oci/davit/internal/cli/build"
	"github.com/davit-oci/davit/internal/cli/carry"
	"github.com/davit-oci/davit/internal/cli/check"
	"github.com/davit-oci/davit/internal/cli/compare"
	"github.com/davit-oci/davit/internal/cli/declare"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/fetch"
	"github.com/davit-oci/davit/internal/cli/habits"
	"github.com/davit-oci/davit/internal/cli/lock"
	"github.com/davit-oci/davit/internal/cli/look"
	"github.com/davit-oci/davit/internal/cli/publish"
	"github.com/davit-oci/davit/internal/cli/registry"
	"github.com/davit-oci/davit/internal/cli/repeat"
	"github.com/davit-oci/davit/internal/cli/serving"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newRootCommand(a *app.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "davit COMMAND",
		Short: "Pack declared files into typed OCI artifacts; push, pull, and attach them",
		Long: `davit packs declared files - models, docs, runbooks, wasm, volumes, charts, compose
apps, dev containers, SBOMs - into typed OCI artifacts, and pushes, pulls, and attaches
them. A target is a registry reference (HOST/REPO:TAG) or a path (./dir, ./file.tar):
every command takes either.`,
		Example: `  davit push model.gguf registry.example.com/models/tiny:1.0
  davit attach sbom.spdx.json registry.example.com/models/tiny:1.0
  davit pull registry.example.com/models/tiny:1.0 -o tiny`,
		Args:              cobra.ArbitraryArgs,
		RunE:              func(cmd *cobra.Command, args []string) error { return runRoot(a, cmd, args) },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return prepare(a, cmd) },
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.Flags().BoolP(versionFlag, "v", false, "version for davit")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { help(a, cmd) })
	a.AddGlobalFlags(root.PersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: app.GroupDeclare, Title: "Declare"},
		&cobra.Group{ID: app.GroupMove, Title: "Pack and move"},
		&cobra.Group{ID: app.GroupAttach, Title: "Attach and discover"},
		&cobra.Group{ID: app.GroupLook, Title: "Look inside"},
		&cobra.Group{ID: app.GroupTrust, Title: "Sign and verify"},
		&cobra.Group{ID: app.GroupRegistry, Title: "Registries and layouts"},
		&cobra.Group{ID: app.GroupOther, Title: "Other"},
	)
	root.SetHelpCommand(newHelpCommand(a, root))
	for _, commands := range [][]*cobra.Command{
		declare.Commands(a), publish.Commands(a), fetch.Commands(a), carry.Commands(a), lock.Commands(a), attach.Commands(a), look.Commands(a),
		compare.Commands(a), check.Commands(a), signing.Commands(a), registry.Commands(a), serving.Commands(a),
		{newVersionCommand(a), newCompletionCommand(a)},
	} {
		root.AddCommand(commands...)
	}
	habits.AddSpellings(root)
	addCompletions(a, root)
	return root
}

// everyCommand returns a command and those below it.
func everyCommand(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		all = append(all, everyCommand(sub)...)
	}
	return all
}

// prepare runs before every command. It checks flags, sets others from the environment, and sets up the console and the timeout.
func prepare(a *app.App, cmd *cobra.Command) error {
	if err := checkEmptyFlags(cmd.Flags()); err != nil {
		return err
	}
	if err := habits.JoinSpellings(cmd.Flags()); err != nil {
		return err
	}
	a.Repeat = repeat.Flags(cmd, a.Registry)
	if err := app.SetFromEnv(cmd.Flags()); err != nil {
		return err
	}
	warnVariables(a, cmd)
	if f := a.Format.Name; (f == "yaml" || f == "tree") && !slices.Contains(formatsOf(cmd), f) {
		return &exit.UsageError{Err: fmt.Errorf("%q has no format %q", cmd.CommandPath(), f), Hint: formatHint(cmd)}
	}
	a.Stderr.Label = "davit: " + cmd.Name() + ": "
	if a.Quiet {
		a.Stderr.Mode = term.ProgressNone
	}
	ctx, err := a.WithTimeout(cmd.Context())
	cmd.SetContext(ctx)
	a.Context = ctx
	return err
}

// formatsOf returns the formats of a command besides text and json.
func formatsOf(cmd *cobra.Command) []string { return strings.Fields(cmd.Annotations["formats"]) }

// formatHint names the formats of a command.
func formatHint(cmd *cobra.Command) string {
	return "formats: " + strings.Join(append([]string{"text", "json"}, formatsOf(cmd)...), ", ") + ", or a template"
}

// versionFlag prints the version. The flag of cobra is not used, because it needs package text/template, which adds 2 MB to the
// program: templates call methods by name at run time, so that the linker keeps every exported method.
const versionFlag = "version"

// runRoot runs "davit" itself: it prints the version or the help, or returns an error about an unknown command.
func runRoot(a *app.App, cmd *cobra.Command, args []string) error {
	if isAsked, err := cmd.Flags().GetBool(versionFlag); err != nil || isAsked {
		_, _ = fmt.Fprintf(a.Stdout, "davit %s\n", build.Read().Version)
		return err
	}
	if len(args) == 0 {
		return cmd.Help()
	}
	return noSuchCommand(cmd, args)
}

// noSuchCommand returns the error about an unknown command.
func noSuchCommand(root *cobra.Command, args []string) error {
	name := args[0]
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	hint := cmp.Or(habits.HintForCommand(strings.Join(args[:min(len(args), 2)], ".")), habits.HintForCommand(name), textdist.DidYouMean(name, names), `"davit --help" lists the commands`)
	return &exit.UsageError{Err: fmt.Errorf("no such command: %q", name), Hint: hint}
}

// flagError returns a usage error for an error of pflag, with the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); !cmd.HasParent() && len(args) > 0 {
		return noSuchCommand(cmd, args)
	}
	hint := fmt.Sprintf("\"%s --help\" lists the flags", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		hint = cmp.Or(suggestFlag(cmd, unknown), hint)
	}
	var needs *pflag.ValueRequiredError
	if errors.As(err, &needs) {
		hint = habits.Describe(cmd, needs.GetFlag())
	}
	var invalid *pflag.InvalidValueError
	if known := (*exit.UsageError)(nil); errors.As(err, &known) {
		return known
	}
	if errors.As(err, &invalid) && invalid.GetFlag().Name == "format" {
		hint = formatHint(cmd)
	}
	return &exit.UsageError{Err: exit.FlagError(err), Hint: hint}
}

// suggestFlag returns the hint for a flag that the command does not have, or "".
func suggestFlag(cmd *cobra.Command, unknown *pflag.NotExistError) string {
	name := unknown.GetSpecifiedName()
	foreign := habits.HintForFlag(cmd.Name(), name, func(flag string) bool { return habits.OwnFlag(cmd, flag) != nil })
	switch {
	case (name == "p" || name == "password") && cmd.Flags().Lookup("password-stdin") != nil:
		return "other users can read a password in the arguments of a program: pass it with --password-stdin, or in DAVIT_PASSWORD"
	case foreign != "":
		return foreign
	case unknown.GetSpecifiedShortnames() != "":
		return ""
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if flag := cmp.Or(textdist.Closest(name, names), onlyLonger(name, names)); flag != "" {
		return fmt.Sprintf("did you mean %q?", "--"+flag)
	}
	return ownerHint(cmd.Root(), name)
}

// ownerHint names the commands that have a flag, or returns "" if none has it.
func ownerHint(root *cobra.Command, flag string) string {
	var owners []string
	for _, cmd := range everyCommand(root)[1:] {
		if f := cmd.LocalNonPersistentFlags().Lookup(flag); !cmd.Hidden && f != nil && !f.Hidden {
			owners = append(owners, fmt.Sprintf("%q", cmd.CommandPath()))
		}
	}
	if len(owners) == 0 {
		return ""
	}
	return fmt.Sprintf("--%s is a flag of %s", flag, textdist.FirstFew(owners))
}

// onlyLonger returns the only name that begins with typed, or "" if no name or several names do.
func onlyLonger(typed string, names []string) string {
	longer := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, typed) })
	if len(longer) != 1 {
		return ""
	}
	return longer[0]
}
