// Command davit turns declared files into typed OCI artifacts, and pushes, pulls and attaches them.
//
// The work is done by the packages artifact, pack and pull; this one has the flags, opens the targets, prints results
// and decides on exit codes. It alone reads the environment.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the work in order; from then on a second one kills at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program: it takes what the process was given and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: newConsole(stderr)}
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
