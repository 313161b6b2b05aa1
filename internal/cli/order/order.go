// Package order checks the order of arguments.
package order

import (
	"fmt"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/spf13/cobra"
)

// TargetFirst returns an error if only the second of two arguments is a reference. more are hints besides the command with
// the arguments exchanged.
func TargetFirst(cmd *cobra.Command, args []string, more ...string) error {
	if len(args) != 2 || app.FileExists(args[0]) {
		return nil
	}
	if _, err := registry.ParseSource(args[0]); err == nil {
		return nil
	}
	if _, err := registry.ParseSource(args[1]); err != nil {
		return nil
	}
	hints := append([]string{shell.Command("davit", cmd.Name(), args[1], args[0])}, more...)
	return &exit.UsageError{Err: fmt.Errorf("%q is not a reference: TARGET is the first argument", args[0]), Hint: strings.Join(hints, "\n")}
}
