package cli

import (
	"errors"
	"io"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

func newCheckCommand(a *app) *cobra.Command {
	var opts sourceOptions
	cmd := &cobra.Command{
		Use:   "check [SOURCE...]",
		Short: "Validates davit.yaml and its files, every problem at once",
		Long: `Reads each SOURCE (default: this directory) as pack would, without packing. Every problem
is reported, with file:line:column; the exit code is 2 if there is any.`,
		Example: "  davit check\n  davit check charts/web models/tiny/davit.yaml",
		GroupID: groupDeclare,
		Args:    cobra.ArbitraryArgs,
		RunE:    func(_ *cobra.Command, args []string) error { return a.check(args, &opts) },
	}
	addSourceFlags(cmd.Flags(), &opts)
	return cmd
}

// check reads all sources, and reports the problems of all of them together.
func (a *app) check(args []string, opts *sourceOptions) error {
	if len(args) == 0 {
		args = []string{"."}
	}
	a.listLeftOut = true
	var r checkResult
	var problems artifact.Problems
	for _, arg := range args {
		s, err := a.openSource([]string{arg}, opts)
		var found artifact.Problems
		switch {
		case errors.As(err, &found):
			problems = append(problems, found...)
			continue
		case err != nil:
			return err
		}
		s.close()
		a.tell(s.plan)
		r.Sources = append(r.Sources, checkedSource{arg, s.plan.Kind.Name, countLayers(s.plan), leftOut(s.plan)})
	}
	if len(problems) > 0 {
		return problems
	}
	return a.print(r)
}

func countLayers(plan *artifact.Plan) int {
	n := len(plan.Layers)
	for _, p := range plan.Platforms {
		n += countLayers(p)
	}
	return n
}

// checkResult is what check prints when there is no problem.
type checkResult struct {
	Sources []checkedSource `json:"sources"`
}

type checkedSource struct {
	Source string `json:"source"`
	Kind   string `json:"kind"`
	Layers int    `json:"layers"`
	// LeftOut lists the files that the kind's native client does not pack; a directory ends in a slash.
	LeftOut []string `json:"leftOut,omitempty"`
}

func (r checkResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, s := range r.Sources {
		t.Row("ok", s.Source, s.Kind, term.Plural(s.Layers, "layer"))
	}
	return t.WriteText(w)
}
