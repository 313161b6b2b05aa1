package declare

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/spf13/cobra"
)

func newKindsCommand(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "kinds [KIND]",
		Short: "List the kinds of artifacts, or show the parts of one",
		Long: `List the kinds of artifacts that davit knows. With KIND, the name of a kind or the path of a kind
file, show its media types, the roles of its layers, its config fields, the clients that read it,
and an example. --format yaml prints it as a kind file, from which you can make your own.`,
		Example:     "  davit kinds\n  davit kinds model\n  davit kinds docs --format yaml > ours.kind.yaml",
		GroupID:     app.GroupDeclare,
		Args:        app.Arguments(0, 1),
		Annotations: map[string]string{"formats": "yaml"},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return results.KindNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return runKinds(a, args) },
	}
}

func runKinds(a *app.App, args []string) error {
	if len(args) == 0 {
		if a.Format.Name == "yaml" {
			return &exit.UsageError{Err: fmt.Errorf("--format yaml prints one kind"), Hint: "name it: davit kinds model --format yaml"}
		}
		return a.Print(listKinds())
	}
	found, err := lookupKind(args[0])
	if err != nil {
		return err
	}
	return a.Print(kindResult{found.Kind, found.Page})
}

// lookupKind finds a built-in kind, or reads a kind file, whose path is relative to the working directory. It returns a usage error for
// an unknown name.
func lookupKind(name string) (kind.Kind, error) {
	found, ok := kinds.Lookup(name)
	if ok {
		return found, nil
	}
	if artifact.IsKindFile(name) {
		read, err := source.ReadKind(name)
		return kind.Kind{Kind: read}, err
	}
	var names []string
	for _, k := range kinds.Data() {
		names = append(names, k.Name)
	}
	hint := cmp.Or(results.SuggestKind(name), "kinds: "+strings.Join(names, ", "))
	return kind.Kind{}, &exit.UsageError{Err: fmt.Errorf("no such kind: %q", name), Hint: hint}
}

// kindsResult is the result of kinds.
type kindsResult struct {
	Kinds []listedKind `json:"kinds"`
}

// listedKind is a kind, and what it is for.
type listedKind struct {
	mediatypes.Kind
	Use string `json:"use"`
}

// listKinds lists the built-in kinds.
func listKinds() kindsResult {
	uses := map[string]string{}
	for _, use := range kinds.Uses() {
		for _, name := range use.Kinds {
			uses[name] = use.Name
		}
	}
	var r kindsResult
	for _, k := range kinds.Data() {
		r.Kinds = append(r.Kinds, listedKind{k, uses[k.Name]})
	}
	return r
}

// WriteText prints the kinds by use, with a heading for each use on a terminal, and a column elsewhere.
func (r kindsResult) WriteText(w io.Writer) error {
	summaries := map[string]string{}
	for _, k := range r.Kinds {
		summaries[k.Name] = k.Summary
	}
	var t term.Table
	t.Style(term.Strong)
	if screen, ok := w.(*term.Screen); ok && screen.Width > 0 { // a column of uses would leave little room for summaries
		t.Header("  KIND", "SUMMARY")
		for _, use := range kinds.Uses() {
			t.Row(use.Name)
			for _, name := range use.Kinds {
				t.Row("  "+name, summaries[name])
			}
		}
		return t.WriteText(w)
	}
	for _, use := range kinds.Uses() {
		for _, name := range use.Kinds {
			t.Row(name, use.Name, summaries[name])
		}
	}
	return t.WriteText(w)
}
