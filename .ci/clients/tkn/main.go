// Tkn is the part of tkn that reads and writes bundles: tkn bundle list|push REF. The whole of it needs a module that no proxy has.
package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/tektoncd/cli/pkg/cli"
	"github.com/tektoncd/cli/pkg/cmd/bundle"
)

func main() {
	root := &cobra.Command{Use: "tkn", SilenceUsage: true}
	root.AddCommand(bundle.Command(&cli.TektonParams{}))
	if root.Execute() != nil {
		os.Exit(1)
	}
}
