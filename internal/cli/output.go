package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/davit-oci/davit/artifact"
	"golang.org/x/term"
)

// result is what a command found out or did. Its JSON is the struct itself; WriteText prints it for people.
type result interface{ WriteText(w io.Writer) error }

// quietResult is a result that --quiet shortens to one line.
type quietResult interface{ QuietLine() string }

// print writes a command's result, and nothing else, to standard output.
func (a *app) print(r result) error {
	out := &screenful{width: a.screenWidth()}
	err := a.format.write(out, r, a.quiet)
	if err != nil {
		return err
	}
	return a.writeOut(out.Bytes())
}

// screenful is text for a screen.
type screenful struct {
	bytes.Buffer
	width int
}

func (s *screenful) columns() int { return s.width }

// screenWidth is that of the terminal that standard output is; 0: it is none.
func (a *app) screenWidth() int {
	screen, ok := a.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(screen.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(screen.Fd()))
	if err != nil {
		return 0
	}
	return width
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
		_, err := fmt.Fprintln(w, escapeText(q.QuietLine()))
		return err
	}
	return r.WriteText(w)
}

// note tells the user something that is not the result: a decision, a warning. --quiet silences it.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "davit: %s\n", escape(fmt.Sprintf(format, args...)))
	}
}

// warn is note for what may go wrong later; --quiet leaves it.
func (a *app) warn(format string, args ...any) {
	fmt.Fprintf(a.stderr, "davit: warning: %s\n", escape(fmt.Sprintf(format, args...)))
}

// table lays out rows in columns, each as wide as its widest cell. Every cell is escaped.
type table struct{ rows [][]string }

func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = escape(cell)
	}
	t.rows = append(t.rows, cells)
}

func (t *table) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, line := range t.lines() {
		b.WriteString(line + "\n")
	}
	return b.Flush()
}

// lines are the rows as text.
func (t *table) lines() []string {
	lines := make([]string, len(t.rows))
	for i, cells := range t.padded() {
		lines[i] = strings.TrimRight(strings.Join(cells, ""), " ")
	}
	return lines
}

// padded are the rows with their cells as wide as their columns. A column that is empty in all of them takes no room.
func (t *table) padded() [][]string {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	rows := make([][]string, len(t.rows))
	for i, row := range t.rows {
		for j, cell := range row {
			if widths[j] > 0 {
				rows[i] = append(rows[i], cell+strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell)+2))
			}
		}
	}
	return rows
}

// field adds a row of a name and a value, unless the value is empty.
func (t *table) field(name, value string) {
	if value != "" {
		t.row(name, value)
	}
}

// humanSize writes a number of bytes as people read it, in powers of ten as registries and docker do.
func humanSize(n int64) string {
	if n < 0 {
		return "?"
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n), 0
	for value >= 999.95 && unit < len("kMGTPE") {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTPE"[unit-1])
}

// plural is "1 layer", "2 layers".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
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
	a.stderr.stopBars()
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
	fmt.Fprintf(a.stderr, "davit: error: %s\n", escape(message))
	for _, hint := range hints {
		fmt.Fprintf(a.stderr, "davit: hint: %s\n", escape(hint))
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
