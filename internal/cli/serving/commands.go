// Package serving has the commands that serve layouts and pages until they are interrupted: serve and browse.
package serving

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newServeCommand(a), newBrowseCommand(a)}
}
