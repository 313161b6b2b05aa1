package declare

import (
	"errors"
	"io"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

func newCheckCommand(a *app.App) *cobra.Command {
	var opts checkOptions
	cmd := &cobra.Command{
		Use:   "check [SOURCE...]",
		Short: "Validate davit.yaml and its files, and report every problem",
		Long: `Read each SOURCE (default: this directory) as pack would, without packing. Every problem
is reported with file:line:column; the exit code is 2 if there is any. A warning is about
files that can be packed, but may not work as expected; it does not change the exit code, except
with --strict.`,
		Example: "  davit check\n  davit check charts/web models/tiny/davit.yaml\n  davit check -f models.yaml\n  davit check --strict charts/web",
		GroupID: app.GroupDeclare,
		Args:    app.CheckEmpty,
		RunE:    func(_ *cobra.Command, args []string) error { return runCheck(a, args, &opts) },
	}
	opts.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&opts.strict, "strict", false, "fail with exit code 2 if there is a warning")
	return cmd
}

type checkOptions struct {
	source.Options
	strict bool
}

// runCheck reads all sources and reports their problems together. Any other error ends it.
func runCheck(a *app.App, args []string, opts *checkOptions) error {
	sources := make([][]string, 0, len(args))
	for _, arg := range args {
		sources = append(sources, []string{arg})
	}
	switch {
	case len(args) == 0 && opts.NamesFile():
		sources = [][]string{nil}
	case len(args) == 0:
		sources = [][]string{{"."}}
	}
	a.ListLeftOut = true
	r := checkResult{strict: opts.strict}
	var problems artifact.Problems
	for _, one := range sources {
		s, err := source.Open(a, one, &opts.Options, registry.Reference{})
		var found artifact.Problems
		switch {
		case errors.As(err, &found):
			problems = append(problems, found...)
			continue
		case err != nil:
			return err
		}
		s.Close()
		a.PrintNotes(s.Plan)
		r.Sources = append(r.Sources, checkedSource{s.Name, s.Plan.Kind.Name, countLayers(s.Plan), results.LeftOut(s.Plan), lists.Unique(results.Warnings(s.Plan))})
	}
	if len(problems) > 0 {
		return problems
	}
	if err := a.Print(r); err != nil {
		return err
	}
	return r.warningsError()
}

// countLayers returns the number of layers of an artifact, including those of its platforms.
func countLayers(plan *artifact.Plan) int {
	n := len(plan.Layers)
	for _, p := range plan.Platforms {
		n += countLayers(p)
	}
	return n
}

// checkResult is the result of check without problems.
type checkResult struct {
	Sources []checkedSource `json:"sources"`

	strict bool // warnings are problems
}

// warningsError returns an error if warnings are problems, and there are some.
func (r checkResult) warningsError() error {
	n := 0
	for _, s := range r.Sources {
		n += len(s.Warnings)
	}
	if n == 0 || !r.strict {
		return nil
	}
	return exit.Usagef("%s, which --strict does not allow", term.Plural(n, "warning"))
}

// checkedSource describes a source without problems.
type checkedSource struct {
	Source string `json:"source"`
	Kind   string `json:"kind"`
	Layers int    `json:"layers"`
	// LeftOut lists the files that are not packed. The name of a directory ends in a slash.
	LeftOut []string `json:"leftOut,omitempty"`

	Warnings []string `json:"warnings,omitempty"`
}

// WriteText prints a row for each source without problems.
func (r checkResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, s := range r.Sources {
		if r.strict && len(s.Warnings) > 0 {
			continue
		}
		t.Row("ok", s.Source, s.Kind, term.Plural(s.Layers, "layer"))
	}
	return t.WriteText(w)
}
