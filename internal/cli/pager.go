package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/davit-oci/davit/internal/render"
	"golang.org/x/term"
)

const (
	// plainWidth is for what is no terminal: a file, a mail.
	plainWidth = 80
	// maxWidth is how long the lines of a text are at most, for reading.
	maxWidth = 100
)

// page prints a long text: on a terminal laid out for it, and through a pager when it does not fit.
func (a *app) page(rendered func(render.Options) result) error {
	screen, ok := a.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(screen.Fd())) {
		return a.print(rendered(render.Options{Width: plainWidth}))
	}
	width, height, err := term.GetSize(int(screen.Fd()))
	if err != nil || width == 0 {
		width, height = plainWidth, 24
	}
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	var text bytes.Buffer
	if err := rendered(render.Options{Width: min(width, maxWidth), Styled: !plain}).WriteText(&text); err != nil {
		return err
	}
	pager := pagerCommand()
	if bytes.Count(text.Bytes(), []byte("\n")) < height || pager == "" {
		return a.writeOut(text.Bytes())
	}
	return a.runPager(pager, screen, text.Bytes())
}

// pagerCommand is the user's pager; "" for none, which is what cat is too, as for git.
func pagerCommand() string {
	for _, name := range []string{"DAVIT_PAGER", "PAGER"} {
		if pager, set := os.LookupEnv(name); set {
			if pager = strings.TrimSpace(pager); pager == "cat" {
				return ""
			}
			return pager
		}
	}
	return "less"
}

// runPager gives the text to the pager, with less's options set where the user has none. Without the pager the text is
// printed.
func (a *app) runPager(pager string, screen *os.File, text []byte) error {
	// Ctrl-C is the pager's while it runs: a second one must not end this process and leave the pager alone.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)

	cmd := exec.Command("sh", "-c", pager)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), screen, os.Stderr
	cmd.Env = os.Environ()
	if _, set := os.LookupEnv("LESS"); !set {
		cmd.Env = append(cmd.Env, "LESS=FRX")
	}
	err := cmd.Run()
	var ended *exec.ExitError
	const notExecutable, notFound = 126, 127 // of sh
	if err != nil && (!errors.As(err, &ended) || ended.ExitCode() == notExecutable || ended.ExitCode() == notFound) {
		return a.writeOut(text)
	}
	return nil // that the user left before the end is no error
}
