// Package carry has the command that copies artifacts between registries, layouts, and archives.
package carry

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command { return []*cobra.Command{newCopyCommand(a)} }
