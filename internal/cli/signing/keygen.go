package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/davit-oci/davit/pull/trust"
	"github.com/spf13/cobra"
)

func newKeygenCommand(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "keygen [NAME]",
		Short: "Make a pair of keys for signing and verifying",
		Long: `Write a private key to NAME.key and its public key to NAME.pub (default: davit). The private key is
encrypted with a password: $COSIGN_PASSWORD, or the one you type. cosign reads both files, and
davit reads cosign's. Existing files are never overwritten.`,
		Example: `  davit keygen
  davit keygen release
  COSIGN_PASSWORD="$SECRET" davit keygen ci`,
		GroupID: app.GroupTrust,
		Args:    app.Arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "davit"
			if len(args) > 0 {
				name = args[0]
			}
			return runKeygen(cmd.Context(), a, name)
		},
	}
}

func runKeygen(ctx context.Context, a *app.App, name string) error {
	r := &keygenResult{PrivateKey: name + ".key", PublicKey: name + ".pub"}
	for _, file := range []string{r.PrivateKey, r.PublicKey} {
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			return &exit.UsageError{Err: fmt.Errorf("%s exists, and is not overwritten", file), Hint: "choose another name: davit keygen NAME"}
		}
	}
	password, err := newPassword(ctx, a)
	if err != nil {
		return err
	}
	private, public, err := sign.GenerateKey(password)
	if err != nil {
		return err
	}
	key, err := trust.ParseKey(public, r.PublicKey)
	if err != nil {
		return err
	}
	r.KeyHint = key.Hint()
	if err := writeNew(r.PrivateKey, private, 0o600); err != nil {
		return err
	}
	if err := writeNew(r.PublicKey, public, 0o644); err != nil {
		os.Remove(r.PrivateKey) // a key without its other half is of no use
		return err
	}
	return a.Print(r)
}

// newPassword returns the password for a new key. A password that is typed must be typed twice.
func newPassword(ctx context.Context, a *app.App) ([]byte, error) {
	password, err := askPassword(ctx, a, "password for the new key: ")
	if _, ok := os.LookupEnv(passwordVariable); ok || err != nil {
		return password, err
	}
	again, err := a.AskSecret(ctx, "the same password again: ")
	if err != nil {
		return nil, err
	}
	if again != string(password) {
		return nil, exit.Usagef("the two passwords differ")
	}
	return password, nil
}

// writeNew writes a file that must not exist.
func writeNew(name string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return exit.FileError("key", name, err)
	}
	_, err = f.Write(data)
	err = fault.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(name)
		return exit.FileError("key", name, err)
	}
	return nil
}

// keygenResult is the result of keygen.
type keygenResult struct {
	PrivateKey string `json:"privateKey"`
	PublicKey  string `json:"publicKey"`
	KeyHint    string `json:"keyHint"` // the SHA-256 of the public key, in base64
}

// WriteText prints the files and the fingerprint of the keys.
func (r *keygenResult) WriteText(w io.Writer) error {
	var t term.Table
	t.Row("private key", r.PrivateKey)
	t.Row("public key", r.PublicKey)
	t.Row("fingerprint", r.KeyHint)
	return t.WriteText(w)
}

// QuietLine returns the file of the public key.
func (r *keygenResult) QuietLine() string { return r.PublicKey }
