// Tkn implements tkn bundle list|push REF. The full tkn needs a module that no Go module proxy has.
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
