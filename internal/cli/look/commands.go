// Package look has the commands that inspect artifacts without writing files.
package look

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{
		newInspectCommand(a),
		newListCommand(a),
		newShowCommand(a),
	}
}
