// Package attach has the commands for referrers: attach, discover, and detach.
package attach

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{
		newAttachCommand(a),
		newDiscoverCommand(a),
		newDetachCommand(a),
	}
}
