package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
)

// result is what a command found out or did. Its JSON is the struct itself; WriteText prints it for people.
type result interface{ WriteText(w io.Writer) error }

// quietResult is a result that --quiet shortens to one line.
type quietResult interface{ QuietLine() string }

// print writes a command's result, and nothing else, to standard output.
func (a *app) print(r result) error {
	out := term.NewScreen(a.stdout)
	err := a.format.write(out, r, a.quiet)
	if err != nil {
		return err
	}
	return a.writeOut(out.Bytes())
}

// writeOut writes bytes to standard output as they are.
func (a *app) writeOut(b []byte) error {
	if _, err := a.stdout.Write(b); err != nil {
		return &outputError{err}
	}
	return nil
}

// outputError says that it was standard output that failed.
type outputError struct{ err error }

func (e *outputError) Error() string { return "writing to standard output: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

func (f *format) write(w io.Writer, r result, quiet bool) error {
	switch f.name {
	case "json":
		return writeJSON(w, r)
	case "go-template":
		return writeTemplate(w, f.template, r)
	case "yaml":
		if y, ok := r.(interface{ WriteYAML(io.Writer) error }); ok {
			return y.WriteYAML(w)
		}
	}
	if q, ok := r.(quietResult); ok && quiet {
		_, err := fmt.Fprintln(w, term.EscapeText(q.QuietLine()))
		return err
	}
	return r.WriteText(w)
}

// note tells the user something that is not the result: a decision, a warning. --quiet silences it.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "davit: %s\n", term.Escape(fmt.Sprintf(format, args...)))
	}
}

// warn is note for what may go wrong later; --quiet leaves it.
func (a *app) warn(format string, args ...any) {
	fmt.Fprintf(a.stderr, "davit: warning: %s\n", term.Escape(fmt.Sprintf(format, args...)))
}

// jsonError is an error as scripts get it.
type jsonError struct {
	Error struct {
		Code     string            `json:"code"`
		Message  string            `json:"message"`
		Hint     string            `json:"hint,omitempty"`
		ExitCode int               `json:"exitCode"`
		Problems artifact.Problems `json:"problems,omitempty"` // of a declaration, each with its place
	} `json:"error"`
}

// printError writes the error and what can be done about it to standard error.
func (a *app) printError(err error) {
	if errors.Is(err, errNo) {
		return
	}
	a.stderr.StopBars()
	advice := hints(err)
	if a.format.name == "json" {
		var e jsonError
		code := exitCodeOf(err)
		e.Error.Code, e.Error.ExitCode = code.name(), int(code)
		e.Error.Message, e.Error.Hint = err.Error(), strings.Join(advice, "\n")
		if errors.As(err, &e.Error.Problems) {
			e.Error.Hint = problemHints(e.Error.Problems)
		}
		_ = writeJSON(a.stderr, e) // standard error is gone: nobody to tell
		return
	}
	var problems artifact.Problems
	if !errors.As(err, &problems) {
		a.printLines(err.Error(), advice...)
		return
	}
	for _, p := range problems {
		hint := p.Hint
		p.Hint = ""
		a.printLines(p.Error(), oneHint(hint)...)
	}
}

// printLines writes one error and what can be done about it.
func (a *app) printLines(message string, hints ...string) {
	fmt.Fprintf(a.stderr, "davit: error: %s\n", term.Escape(message))
	for _, hint := range hints {
		fmt.Fprintf(a.stderr, "davit: hint: %s\n", term.Escape(hint))
	}
}

// problemHints are what to do about the problems, one line for each that has such advice.
func problemHints(problems artifact.Problems) string {
	var hints []string
	for _, p := range problems {
		if p.Hint != "" && !slices.Contains(hints, p.Hint) {
			hints = append(hints, p.Hint)
		}
	}
	return strings.Join(hints, "\n")
}
