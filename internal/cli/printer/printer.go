// Package printer prints the output of commands: results to standard output, in the requested format, and notes, progress, and
// errors to standard error.
package printer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/term"
)

// Printer has the output streams and the flags about output.
type Printer struct {
	Stdout io.Writer
	Stderr *term.Console
	Format Format
	Quiet  bool
	// ListLeftOut makes PrintNotes list the files that are left out, not only count them.
	ListLeftOut bool
	// Repeat adds flags to the commands in notes and hints, unless it is nil.
	Repeat func(text string) string

	deferred []func() // called by Flush
}

// Result is the result of a command. It is encoded as JSON as it is; WriteText prints it as text.
type Result interface{ WriteText(w io.Writer) error }

// QuietLiner is a Result that --quiet shortens to one line.
type QuietLiner interface{ QuietLine() string }

// Print writes the result of a command to standard output.
func (p *Printer) Print(r Result) error {
	out := term.NewScreen(p.Stdout)
	out.Colors = HasColors(out.Width > 0)
	if err := p.Format.write(out, r, p.Quiet); err != nil {
		return err
	}
	return p.WriteOut(out.Bytes())
}

// PrintUnlessQuiet prints a result that only confirms success. As text, --quiet silences it: the exit code is enough.
func (p *Printer) PrintUnlessQuiet(r Result) error {
	if p.Quiet && p.Format.String() == "text" {
		return nil
	}
	return p.Print(r)
}

// WriteOut writes bytes to standard output unchanged.
func (p *Printer) WriteOut(b []byte) error {
	_, err := p.Out().Write(b)
	return err
}

// WriteRaw writes a document to standard output unchanged. On a terminal, it adds a newline if the last line has none.
func (p *Printer) WriteRaw(b []byte) error {
	if err := p.WriteOut(b); err != nil || bytes.HasSuffix(b, []byte("\n")) || term.NewScreen(p.Stdout).Width == 0 {
		return err
	}
	return p.WriteOut([]byte("\n"))
}

// Out returns standard output as a writer whose errors name it.
func (p *Printer) Out() io.Writer { return outputWriter{p.Stdout} }

// outputWriter names standard output in its errors.
type outputWriter struct{ w io.Writer }

// Write writes to standard output, which its errors name.
func (o outputWriter) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err != nil {
		err = fmt.Errorf("writing to standard output: %w", err)
	}
	return n, err
}

// write writes a result in the format. As text, quiet shortens a QuietLiner to one line.
func (f *Format) write(w io.Writer, r Result, quiet bool) error {
	switch f.Name {
	case "json":
		return WriteJSON(w, r)
	case templateFormat:
		return writeTemplate(w, f.template, r)
	case "yaml":
		if y, ok := r.(interface{ WriteYAML(io.Writer) error }); ok {
			return y.WriteYAML(w)
		}
	}
	if q, ok := r.(QuietLiner); ok && quiet {
		line := q.QuietLine()
		if line == "" { // nothing was found
			return nil
		}
		_, err := fmt.Fprintln(w, term.EscapeText(line))
		return err
	}
	return r.WriteText(w)
}

// Note prints a decision that the user may want to know. --quiet silences it.
func (p *Printer) Note(format string, args ...any) {
	switch text := p.repeat(fmt.Sprintf(format, args...)); {
	case p.Quiet:
	case p.Stderr.Mode == term.ProgressJSON:
		p.writeEvent(event{Event: "note", Message: text})
	default:
		p.printLine("", text)
	}
}

// repeat applies Repeat, if it is set.
func (p *Printer) repeat(text string) string {
	if p.Repeat == nil {
		return text
	}
	return p.Repeat(text)
}

// printLine prints a message to standard error, after a label if there is one, and breaks it to fit a narrow terminal.
func (p *Printer) printLine(label, message string) {
	const prefix = "davit:"
	line := []string{prefix}
	if label != "" {
		line = append(line, label)
	}
	fmt.Fprintln(p.Stderr, p.Stderr.Wrap(len(prefix)+1, append(line, splitWords(term.Escape(message))...)))
}

// Warn prints a warning, even with --quiet.
func (p *Printer) Warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.Stderr.Mode == term.ProgressJSON {
		p.writeEvent(event{Event: "warning", Message: text})
		return
	}
	p.printLine(p.Stderr.Paint(term.Warning, "warning:"), text)
}

// PrintDebug prints a line for --debug.
func (p *Printer) PrintDebug(line string) {
	if p.Stderr.Mode == term.ProgressJSON {
		p.writeEvent(event{Event: "debug", Message: line})
		return
	}
	fmt.Fprintf(p.Stderr, "davit: debug: %s\n", term.Escape(line))
}

// jsonError is the JSON of an error.
type jsonError struct {
	Error struct {
		Code     string            `json:"code"`
		Message  string            `json:"message"`
		Hint     string            `json:"hint,omitempty"`
		ExitCode int               `json:"exitCode"`
		Problems artifact.Problems `json:"problems,omitempty"`     // of a declaration, each with its position
		More     int               `json:"moreProblems,omitempty"` // how many problems are not in Problems
	} `json:"error"`
}

// The problems of a declaration that are printed. A generated file can have thousands, and more would not help.
const (
	maxProblems     = 50
	maxJSONProblems = 1000
)

// limitProblems returns at most limit problems, and the text that counts the others, or "".
func limitProblems(problems artifact.Problems, limit int) (artifact.Problems, string) {
	if len(problems) <= limit {
		return problems, ""
	}
	return problems[:limit], "and " + term.Plural(len(problems)-limit, "more problem")
}

// PrintError writes an error and its hints to standard error.
func (p *Printer) PrintError(err error) {
	if errors.Is(err, exit.ErrNegative) {
		return
	}
	p.Stderr.StopBars()
	hints := exit.Hints(err)
	lines := p.Stderr.Mode == term.ProgressJSON
	if p.Format.Name == "json" || lines {
		var e jsonError
		code := exit.Of(err)
		e.Error.Code, e.Error.ExitCode = code.Name(), int(code)
		e.Error.Message, e.Error.Hint = err.Error(), p.repeat(strings.Join(hints, "\n"))
		if problems := e.Error.Problems; errors.As(err, &problems) {
			first, more := limitProblems(problems, maxProblems)
			text := withoutHints(first).Error()
			if more != "" {
				text += "\n" + more
			}
			e.Error.Message = strings.Replace(e.Error.Message, problems.Error(), text, 1)
			e.Error.Problems, _ = limitProblems(problems, maxJSONProblems)
			e.Error.More, e.Error.Hint = len(problems)-len(e.Error.Problems), problemHints(first)
		}
		write := WriteJSON
		if lines {
			write = writeLine
		}
		_ = write(p.Stderr, e) // a failure can't be reported anywhere else
		return
	}
	var problems artifact.Problems
	if !errors.As(err, &problems) {
		p.printLines(err.Error(), hints...)
		return
	}
	first, more := limitProblems(problems, maxProblems)
	for i, bare := range withoutHints(first) {
		var hints []string
		if problems[i].Hint != "" {
			hints = []string{problems[i].Hint}
		}
		p.printLines(bare.Error(), hints...)
	}
	if more != "" {
		p.printLines(more)
	}
}

// printLines prints an error and its hints.
func (p *Printer) printLines(message string, hints ...string) {
	p.printLine(p.Stderr.Paint(term.Failed, "error:"), message)
	for _, hint := range hints {
		p.printLine(p.Stderr.Paint(term.Hint, "hint:"), p.repeat(hint))
	}
}

// withoutHints returns the problems without their hints, which are printed apart.
func withoutHints(problems artifact.Problems) artifact.Problems {
	bare := slices.Clone(problems)
	for i := range bare {
		bare[i].Hint = ""
	}
	return bare
}

// problemHints returns the hints of the problems, each once.
func problemHints(problems artifact.Problems) string {
	var hints []string
	for _, p := range problems {
		if p.Hint != "" && !slices.Contains(hints, p.Hint) {
			hints = append(hints, p.Hint)
		}
	}
	return strings.Join(hints, "\n")
}
