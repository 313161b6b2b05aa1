// Package fetch has the commands that fetch artifacts or their files: pull and cat.
package fetch

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{
		newPullCommand(a),
		newCatCommand(a),
	}
}
