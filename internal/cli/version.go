package cli

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/build"
	"github.com/spf13/cobra"
)

func newVersionCommand(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of davit",
		Example: "  davit version\n  davit version --format '{{.version}}'",
		GroupID: app.GroupOther,
		Args:    app.Arguments(0, 0),
		RunE:    func(*cobra.Command, []string) error { return a.Print(build.Read()) },
	}
}
