// Package declare has the commands about davit.yaml and kinds: init, check, kinds, and schema.
package declare

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
	}
}
