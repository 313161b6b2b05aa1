// Package cli implements the commands of davit: it parses flags, opens targets, calls the packages artifact, pack, and
// pull, prints their results, and chooses the exit code. No other package reads the environment.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

// Main runs davit with the arguments and streams of the process, and exits.
func Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal stops the work cleanly. After it the default action is back: a second signal kills the process.
	context.AfterFunc(ctx, stop)
	code := Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Command returns the command davit with its subcommands, for documentation.
func Command() *cobra.Command {
	return newRootCommand(&app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: term.NewConsole(io.Discard)})
}

// Run runs one davit command and returns its exit code.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: term.NewConsole(stderr)}
	a.format.forErrors(args)
	root := newRootCommand(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	a.close()
	if err != nil && ctx.Err() != nil {
		err = errInterrupted
	}
	if err == nil {
		for _, plan := range a.untold {
			a.tellNow(plan)
		}
		return int(exitDone)
	}
	a.printError(err)
	return int(exitCodeOf(err))
}
