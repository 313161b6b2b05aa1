// Package publish has the commands that write artifacts to a registry, a layout, or an archive: pack, push, and index.
package publish

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{
		newPackCommand(a),
		newPushCommand(a),
		newIndexCommand(a),
	}
}
