// Package signing has the commands that make keys and signatures, and the flags of other commands for signing and verifying.
package signing

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{
		newSignCommand(a),
		newKeygenCommand(a),
	}
}
