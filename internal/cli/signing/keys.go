package signing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/davit-oci/davit/pull/trust"
)

// passwordVariable is the environment variable with the password of a private key, as for cosign.
const passwordVariable = "COSIGN_PASSWORD"

// maxKey is the maximum size of a key file, in bytes.
const maxKey = 64 << 10

// readPrivateKey reads the key that a flag names: a file, or env://VARIABLE.
func readPrivateKey(ctx context.Context, a *app.App, name string) (*sign.Key, error) {
	data, err := pause.Await(ctx, func() ([]byte, error) { return readKey(name) })
	if err != nil {
		return nil, err
	}
	key, err := sign.ParseKey(data, func() ([]byte, error) { return askPassword(ctx, a, "password of "+name+": ") })
	var usage *exit.UsageError
	switch {
	case err == nil:
		return key, nil
	case errors.As(err, &usage):
		return nil, err
	case errors.Is(err, sign.ErrPassword):
		return nil, &exit.UsageError{Err: fmt.Errorf("key %q: %w", name, err), Hint: "set $" + passwordVariable + " to the password, or type it on a terminal"}
	}
	return nil, &exit.UsageError{Err: fmt.Errorf("key %q: %w", name, err), Hint: cmp.Or(otherHalf(name, ".pub", ".key"), "\"davit keygen\" makes a pair of keys")}
}

// readPublicKeys reads public keys from files or env://VARIABLE. Results show a key under its name.
func readPublicKeys(ctx context.Context, names []string) ([]trust.Key, error) {
	var keys []trust.Key
	for _, name := range names {
		data, err := pause.Await(ctx, func() ([]byte, error) { return readKey(name) })
		if err != nil {
			return nil, err
		}
		key, err := trust.ParseKey(data, name)
		if err != nil {
			return nil, &exit.UsageError{Err: fmt.Errorf("key %q: %w", name, err), Hint: cmp.Or(otherHalf(name, ".key", ".pub"), "a public key begins with -----BEGIN PUBLIC KEY-----")}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// otherHalf returns the hint for a key file that is the wrong one of a pair: the name of the other, if that exists.
func otherHalf(name, has, wants string) string {
	stem, ok := strings.CutSuffix(name, has)
	if info, err := os.Stat(stem + wants); !ok || err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", stem+wants)
}

// readKey returns the content of a key file, or of the environment variable in env://VARIABLE.
func readKey(name string) ([]byte, error) {
	if variable, ok := strings.CutPrefix(name, "env://"); ok {
		data, ok := os.LookupEnv(variable)
		if !ok {
			return nil, exit.Usagef("key %q: the variable is not set", name)
		}
		return []byte(data), nil
	}
	if scheme, _, ok := strings.Cut(name, "://"); ok {
		return nil, &exit.UsageError{Err: fmt.Errorf("key %q: unsupported scheme %q", name, scheme), Hint: "name a file, or env://VARIABLE"}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, exit.FileError("key", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return nil, exit.FileError("key", name, err)
	}
	if len(data) > maxKey {
		return nil, exit.Usagef("key %q: file too large: limit is 64 KiB", name)
	}
	return data, nil
}

// askPassword returns the password of a key: from the environment, else from a terminal.
func askPassword(ctx context.Context, a *app.App, prompt string) ([]byte, error) {
	if password, ok := os.LookupEnv(passwordVariable); ok {
		return []byte(password), nil
	}
	password, err := a.AskSecret(ctx, prompt)
	if errors.Is(err, app.ErrNoTerminal) {
		return nil, &exit.UsageError{Err: errors.New("the key needs a password, and standard input is not a terminal"), Hint: "set " + passwordVariable}
	}
	return []byte(password), err
}
