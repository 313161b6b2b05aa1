package registry

import (
	"context"
	"errors"
	"io"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

func newLoginCommand(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login HOST",
		Short: "Check credentials with a registry and store them as docker does",
		Long: `Check a user name and password (or a token, without a user name) with a registry and
store them where docker does: in the credential helper that its config names, else in the
config itself.`,
		Example: `  davit login registry.example.com
  echo "$TOKEN" | davit login registry.example.com --username me --password-stdin`,
		GroupID:     app.GroupRegistry,
		Args:        app.Arguments(1, 1),
		Annotations: map[string]string{app.Surplus: "--username"},
		RunE:        func(cmd *cobra.Command, args []string) error { return runLogin(cmd.Context(), a, args[0]) },
	}
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

func runLogin(ctx context.Context, a *app.App, host string) error {
	username, password, err := a.Credentials(ctx)
	if err != nil {
		return err
	}
	client, err := a.PlainClientFor(host) // without credentials: Login gets them
	if err != nil {
		return err
	}
	file, err := client.Login(ctx, host, username, password)
	var denied *registry.Denied
	if errors.As(err, &denied) {
		hint := "check the user name and the password"
		if username == "" {
			hint = "check the token; a password needs a user name: --username USER"
		}
		return &artifact.Error{Err: err, Hint: hint}
	}
	if err != nil {
		return err
	}
	if file != "" {
		a.Note("the password is stored unencrypted in %s", file)
	}
	return a.PrintUnlessQuiet(loginResult{Host: host, Username: username, File: file})
}

// loginResult is the result of login and logout.
type loginResult struct {
	Host     string `json:"host"`
	Username string `json:"username,omitempty"`
	File     string `json:"file,omitempty"` // has the credentials; empty: a helper has them

	isLogout bool // the command is logout
	hadNone  bool // no credentials were stored before
}

// WriteText prints whether the user is logged in to the registry now.
func (r loginResult) WriteText(w io.Writer) error {
	if r.hadNone {
		return term.WriteLine(w, "not logged in to "+r.Host)
	}
	if r.isLogout {
		return term.WriteLine(w, "logged out of "+r.Host)
	}
	return term.WriteLine(w, "logged in to "+r.Host)
}
