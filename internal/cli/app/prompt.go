package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/term"
)

// Confirm asks a question and returns exit.ErrNegative unless the answer is yes. It does not ask if yes is set or if standard input is
// not a terminal: a script can't answer.
func (a *App) Confirm(ctx context.Context, question string, yes bool) error {
	if yes || !a.CanAsk() {
		return nil
	}
	answer, err := a.ask(ctx, "davit: "+term.Escape(question)+" [y/N] ")
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	a.Note("nothing deleted")
	return exit.ErrNegative
}

// CanAsk reports whether standard input is a terminal.
func (a *App) CanAsk() bool {
	f, ok := a.Stdin.(*os.File)
	return ok && term.IsTerminal(f)
}

// ask prints prompt, and returns the line that the user enters, trimmed.
func (a *App) ask(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(a.Stderr, prompt)
	line, err := pause.Await(ctx, func() (string, error) { return bufio.NewReader(a.Stdin).ReadString('\n') })
	if err != nil {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// readSecret reads a password or token from standard input, without the newline at its end. The limit is 64 KiB.
func (a *App) readSecret() (string, error) {
	const most = 64 << 10 // long tokens with claims have a few kilobytes
	data, err := pause.Await(a.Context, func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.Stdin, most+1)) })
	if err != nil {
		return "", fmt.Errorf("reading the password from standard input: %w", err)
	}
	secret := strings.TrimRight(string(data), "\r\n")
	switch {
	case len(data) > most:
		return "", exit.Usagef("password on standard input too large: limit is %d KiB", most>>10)
	case secret == "":
		return "", exit.Usagef("no password on standard input")
	}
	return secret, nil
}

// ErrNoTerminal means that a question can't be asked.
var ErrNoTerminal = errors.New("standard input is not a terminal")

// AskSecret asks for a password without echoing it. Without a terminal, it returns ErrNoTerminal.
func (a *App) AskSecret(ctx context.Context, prompt string) (string, error) {
	if !a.CanAsk() {
		return "", ErrNoTerminal
	}
	secret, err := term.ReadPassword(ctx, a.Stdin.(*os.File), a.Stderr, term.Escape(prompt)) // CanAsk checked the type
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("reading the password: %w", err)
	}
	return secret, err
}

// Credentials returns the user name and password from the flags and the environment, and asks for missing ones.
func (a *App) Credentials(ctx context.Context) (username, password string, err error) {
	only := &a.Logins.Only
	if username = only.username; only.passwordStdin || only.envPassword() != "" {
		password, err = a.password(only)
		return username, password, err
	}
	if !a.CanAsk() {
		return "", "", &exit.UsageError{Err: errors.New("authentication required: no password, and standard input is not a terminal"), Hint: "pass it with --username and --password-stdin"}
	}
	if username == "" {
		if username, err = a.ask(ctx, "username: "); err != nil {
			return "", "", err
		}
	}
	password, err = a.AskSecret(ctx, "password: ")
	return username, password, err
}
