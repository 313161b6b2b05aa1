// Package publish has the commands that declare and pack artifacts, and write them to a registry, a layout, or an archive.
package publish

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{
		newInitCommand(a),
		newKindsCommand(a),
		newSchemaCommand(a),
		newCheckCommand(a),
		newPackCommand(a),
		newPushCommand(a),
		newIndexCommand(a),
	}
}
