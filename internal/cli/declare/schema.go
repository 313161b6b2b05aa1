package declare

import (
	"encoding/json"
	"io"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/spf13/cobra"
)

func newSchemaCommand(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schema of davit.yaml, or of a kind's config",
		Example: `  davit schema > davit.schema.json
  davit schema model`,
		GroupID: app.GroupDeclare,
		Args:    app.Arguments(0, 1),
		ValidArgsFunction: func(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return results.KindNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			schema, err := readSchema(args)
			if err != nil {
				return err
			}
			return a.Print(schemaResult{schema})
		},
	}
}

// readSchema returns the schema of davit.yaml, or of the config of a kind.
func readSchema(args []string) ([]byte, error) {
	if len(args) == 0 {
		return artifact.Schema("")
	}
	kind, err := lookupKind(args[0])
	if err != nil {
		return nil, err
	}
	return artifact.ConfigSchema(kind.Kind)
}

// schemaResult is the result of schema. It is JSON in every format.
type schemaResult struct{ json.RawMessage }

// WriteText prints the schema as JSON.
func (r schemaResult) WriteText(w io.Writer) error {
	return printer.WriteJSON(w, r.RawMessage)
}
