package registry

import (
	"errors"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

func newLogoutCommand(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "logout HOST",
		Short:   "Remove the stored credentials of a registry",
		Example: "  davit logout registry.example.com",
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.PlainClient()
			if err != nil {
				return err
			}
			err = client.Logout(cmd.Context(), args[0])
			hadNone := errors.Is(err, errdef.ErrNotFound)
			if err != nil && !hadNone {
				return err
			}
			return a.PrintUnlessQuiet(loginResult{Host: args[0], isLogout: true, hadNone: hadNone})
		},
	}
	cmd.Flags().StringVar(&a.Registry.Credentials.File, "registry-config", "", "read credentials from this `FILE` (default: docker's and podman's)")
	return cmd
}
