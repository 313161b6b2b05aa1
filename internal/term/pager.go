package term

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

// Page shows text on the terminal screen through the shell command pager, which runs in the environment env. It reports
// whether the pager could be started; if not, nothing was shown.
func Page(screen *os.File, text []byte, pager string, env []string) bool {
	// Ctrl-C belongs to the pager while it runs: it must not end this process and leave the pager alone with the terminal.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)

	cmd := exec.Command("sh", "-c", pager)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = bytes.NewReader(text), screen, os.Stderr, env
	err := cmd.Run()
	if err == nil {
		return true
	}
	const notExecutable, notFound = 126, 127 // exit codes of sh
	var exit *exec.ExitError
	// Any other exit code means that the user left before the end.
	return errors.As(err, &exit) && exit.ExitCode() != notExecutable && exit.ExitCode() != notFound
}
