// Package cli is the command line of davit: it parses flags, calls artifact, pack, and pull, prints their results, and chooses the exit
// code. The commands are in the packages below it. Only these packages and registry.FromEnvironment read the environment.
package cli

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/build"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/cli/repeat"
	"github.com/davit-oci/davit/internal/term"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

// memoryLimit is the memory, in bytes, above which garbage is collected more often. davit usually needs a fraction of it. For content
// made to exhaust memory, the packages below limit the memory in use, and this constant limits the memory that is not yet freed.
const memoryLimit = 128 << 20

// Main runs davit with the arguments and streams of the process, and exits. version is that of a release, or empty.
func Main(version string) {
	build.Version = version
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	log.SetOutput(io.Discard)    // net/http logs unsolicited responses of registries
	logrus.SetOutput(io.Discard) // docker compose's library logs each variable that is not set
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal stops the work cleanly and restores the default action, so that a second signal kills the process.
	context.AfterFunc(ctx, stop)
	code := Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Command returns the command davit with its subcommands, for documentation.
func Command() *cobra.Command {
	return newRootCommand(newApp(strings.NewReader(""), io.Discard, io.Discard))
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app.App {
	console := term.NewConsole(stderr)
	console.IsDumb = printer.IsDumb()
	console.Colors = printer.HasColors(console.IsTerminal())
	return &app.App{Printer: printer.Printer{Stdout: stdout, Stderr: console}, Stdin: stdin, Context: context.Background()}
}

// withValue adds an empty value to a flag without one: the flag is the last argument, or another flag follows it.
func withValue(args []string, flag string) []string {
	i := slices.Index(args, flag)
	if i < 0 || i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
		return args
	}
	args = slices.Clone(args)
	args[i] = flag + "="
	return args
}

// Run runs one davit command and returns its exit code.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp(stdin, stdout, stderr)
	args = withValue(args, "--alert")
	a.Format.Guess(args, os.Getenv("DAVIT_FORMAT"))
	root := newRootCommand(a)
	root.SetArgs(args)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		removeQuotes(root)
	}
	cmd, err := root.ExecuteContextC(ctx)
	if a.Repeat == nil { // the arguments are wrong, and prepare did not run
		a.Repeat = repeat.Flags(cmd, a.Registry)
	}
	var timeout *exit.TimeoutError
	switch {
	case err != nil && ctx.Err() != nil:
		err = &exit.StoppedError{Continues: exit.Continuation(cmd.Name())}
	case err != nil && cmd.Context() != nil && errors.As(context.Cause(cmd.Context()), &timeout):
		err = &exit.TimeoutError{After: timeout.After, Continues: exit.Continuation(cmd.Name()), Last: a.Failing()}
	}
	err = a.ExplainDenied(exit.Temporary(err))
	if exit.IsBroken(err) && len(exit.Hints(err)) == 0 {
		err = &exit.BrokenError{Err: err, Continues: exit.Continuation(cmd.Name())}
	}
	err = exit.ExplainScheme(err, args)
	a.Close()
	if err == nil {
		a.Flush()
	} else {
		a.PrintError(err)
	}
	return int(exit.Of(err))
}
