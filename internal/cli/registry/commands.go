// Package registry has the commands about registries and layouts: tags, deletion, credentials, and the cache.
package registry

import (
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{
		newTagCommand(a),
		newTagsCommand(a),
		newReposCommand(a),
		newResolveCommand(a),
		newDeleteCommand(a),
		newPruneCommand(a),
		newLoginCommand(a),
		newLogoutCommand(a),
		newCacheCommand(a),
	}
}
