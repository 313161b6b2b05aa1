package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

func newLoginCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login HOST",
		Short: "Checks credentials with a registry and stores them as docker does",
		Long: `Checks a user name and password (or a token, without a user name) with a registry and
keeps them where docker does: in the credential helper of its config, else in the file.`,
		Example: `  davit login registry.example.com
  echo "$TOKEN" | davit login registry.example.com --username me --password-stdin`,
		GroupID: groupRegistry,
		Args:    arguments(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.login(cmd.Context(), args[0]) },
	}
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

func (a *app) login(ctx context.Context, host string) error {
	username, password, err := a.credentials(ctx)
	if err != nil {
		return err
	}
	client, err := a.client(a.plainConnection()) // the password was read, and goes to Login alone
	if err != nil {
		return err
	}
	file, err := client.Login(ctx, host, username, password)
	var denied *registry.Denied
	if errors.As(err, &denied) {
		return &artifact.Error{Err: err, Hint: "check the user name and the password"}
	}
	if err != nil {
		return err
	}
	if file != "" {
		a.note("the password is in %s, not encrypted", file)
	}
	return a.print(loginResult{Host: host, Username: username, File: file})
}

// credentials come from the flags, and what they leave out is asked for.
func (a *app) credentials(ctx context.Context) (username, password string, err error) {
	only := &a.logins.only
	if username = only.username; only.passwordStdin || only.variable() != "" {
		password, err = a.password(only)
		return username, password, err
	}
	if !a.asksPeople() {
		return "", "", &usageError{err: errors.New("no password, and nobody can be asked here"), hint: "give it with --username and --password-stdin"}
	}
	if username == "" {
		if username, err = a.ask(ctx, "username: "); err != nil {
			return "", "", err
		}
	}
	password, err = term.ReadPassword(ctx, a.stdin.(*os.File), a.stderr, "password: ") // asksPeople checked the type
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("reading the password: %w", err)
	}
	return username, password, err
}

func (a *app) ask(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(a.stderr, prompt)
	line, err := term.Await(ctx, func() (string, error) { return bufio.NewReader(a.stdin).ReadString('\n') })
	if err != nil {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// readSecret reads a password or token from standard input; the line's end does not belong to it.
func (a *app) readSecret() (string, error) {
	const most = 64 << 10 // the longest tokens, with claims in them, have a few kilobytes
	data, err := io.ReadAll(io.LimitReader(a.stdin, most+1))
	if err != nil {
		return "", fmt.Errorf("reading the password from standard input: %w", err)
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" || len(data) > most {
		return "", &usageError{err: errors.New("no password on standard input")}
	}
	return secret, nil
}

// loginResult is what login and logout print.
type loginResult struct {
	Host     string `json:"host"`
	Username string `json:"username,omitempty"`
	File     string `json:"file,omitempty"` // where the credentials are; empty: in a helper
	out      bool
}

func (r loginResult) WriteText(w io.Writer) error {
	if r.out {
		_, err := fmt.Fprintf(w, "logged out of %s\n", term.Escape(r.Host))
		return err
	}
	_, err := fmt.Fprintf(w, "logged in to %s\n", term.Escape(r.Host))
	return err
}

func newLogoutCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "logout HOST",
		Short:   "Forgets the stored credentials of a registry",
		Example: "  davit logout registry.example.com",
		GroupID: groupRegistry,
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client(a.plainConnection())
			if err != nil {
				return err
			}
			if err := client.Logout(cmd.Context(), args[0]); err != nil {
				return err
			}
			return a.print(loginResult{Host: args[0], out: true})
		},
	}
	cmd.Flags().StringVar(&a.registry.Credentials.File, "registry-config", "", "`FILE` with credentials (default: docker's, or podman's)")
	return cmd
}
