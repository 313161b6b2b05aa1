package attach

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
)

// The limits of a JSON Lines file whose documents are attached one by one. All of them are held in memory.
const (
	maxLine  = 8 << 20    // bytes of a document; a file with a larger one is attached as a whole
	maxLines = 1000       // documents
	maxTotal = 64_000_000 // bytes of all documents
)

// documents holds the sources of one run: files, standard input, and the lines of JSON Lines files. Standard input and each line
// are stored as files in a temporary directory, below a directory for each argument: two arguments may be files of the same name.
type documents struct {
	app    *app.App
	opts   *attachOptions
	dir    string // temporary directory; empty until a document is stored
	count  int    // arguments so far
	opened []*source.Source
}

// close closes the sources and removes the temporary directory.
func (d *documents) close() {
	for _, s := range d.opened {
		s.Close()
	}
	if d.dir != "" {
		_ = os.RemoveAll(d.dir) // if this fails, the system removes it later
	}
}

// open opens the sources that an argument names.
func (d *documents) open(arg string) error {
	d.count++
	if d.opts.fileName != "" && countStreams([]string{arg}) > 0 {
		var err error
		if arg, err = d.storeStream(arg, d.opts.fileName); err != nil {
			return err
		}
	}
	lines, err := splitLines(arg)
	if err != nil {
		return err
	}
	if len(lines) > 0 {
		isDocuments, err := d.openLines(arg, lines)
		if isDocuments || err != nil {
			return err
		}
	}
	s, err := d.openFile(arg, d.opts.source)
	if errors.As(err, new(*artifact.AmbiguousError)) {
		return &exit.UsageError{Err: err, Hint: adviseFiles(arg, d.opts.subject)}
	}
	if err != nil {
		return err
	}
	d.opened = append(d.opened, s)
	return nil
}

// adviseFiles returns the hint for a source that several kinds fit. A directory is one document, and each file in it may be another one.
func adviseFiles(arg, subject string) string {
	entries, err := os.ReadDir(arg)
	entries = lists.Delete(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
	if err != nil || len(entries) == 0 {
		return "choose one with --kind"
	}
	words := []string{"davit", "attach"}
	for _, e := range entries {
		words = append(words, filepath.Join(arg, e.Name()))
	}
	command := shell.Command(append(words, subject)...)
	if len(entries) > maxNamed {
		command = shell.Command("davit", "attach", filepath.Clean(arg)) + "/* " + shell.Quote(subject)
	}
	return "to attach each file by itself, name the files: " + command + "\nto attach the directory as one document, choose its kind with --kind"
}

// openDeclared opens the declaration of --file, and clears that flag for the other sources.
func (d *documents) openDeclared() error {
	s, err := source.Open(d.app, nil, &d.opts.source, d.opts.subjectRef)
	if err != nil {
		return err
	}
	d.opened = append(d.opened, s)
	d.opts.source = d.opts.source.WithoutFile()
	return nil
}

// openFile opens one source with these options.
func (d *documents) openFile(arg string, opts source.Options) (*source.Source, error) {
	return source.Open(d.app, []string{arg}, &opts, d.opts.subjectRef)
}

// openLines opens each line as a separate document. All have the name of the file, so that --replace replaces every line of an
// older version. It reports false if the first line is not a document of a known kind.
func (d *documents) openLines(arg string, lines [][]byte) (bool, error) {
	base := filepath.Base(arg)
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	opts := d.opts.source.WithName(base)
	for i, line := range lines {
		file, err := d.write(fmt.Sprintf("%s-%d.json", stem, i+1), bytes.NewReader(line))
		if err != nil {
			return false, err
		}
		s, err := d.openFile(file, opts)
		if err != nil {
			return false, fmt.Errorf("%s, line %d: %w", arg, i+1, err)
		}
		if i == 0 && s.Plan.Kind.Name == kinds.Fallback().Name {
			s.Close()
			return false, nil
		}
		d.opened = append(d.opened, s)
	}
	return true, nil
}

// storeStream stores standard input or a pipe as a file with this name, and returns its path. It returns a usage error if there is no
// content.
func (d *documents) storeStream(arg, name string) (string, error) {
	if filepath.Base(name) != name || name == "." || name == ".." {
		return "", exit.Usagef("--file-name %q: must be the name of a file, without a directory", name)
	}
	in, what := d.app.Stdin, "standard input"
	if arg != "-" {
		f, err := pause.Await(d.app.Context, func() (*os.File, error) { return os.Open(arg) })
		if err != nil {
			return "", source.Error(arg, err)
		}
		defer f.Close()
		in, what = f, arg
	} else if d.app.Logins.CountStdin() > 0 {
		return "", &exit.UsageError{Err: errors.New("standard input is the document, and can't be the password too"), Hint: "log in before with \"davit login\""}
	}
	file, err := d.write(name, in)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		return "", exit.Usagef("%s is empty: the command before the pipe wrote nothing", what)
	}
	return file, nil
}

// write stores a document in the temporary directory, and returns its path.
func (d *documents) write(name string, r io.Reader) (string, error) {
	if d.dir == "" {
		dir, err := os.MkdirTemp("", "davit-attach-")
		if err != nil {
			return "", err
		}
		d.dir = dir
	}
	dir := filepath.Join(d.dir, strconv.Itoa(d.count))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	name = filepath.Join(dir, name)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = pause.Await(d.app.Context, func() (int64, error) { return io.Copy(f, r) })
	return name, fault.Join(err, f.Close())
}

// splitLines returns the lines of a file of JSON Lines: an object on each line, and at least two of them. It returns nil for any
// other file.
func splitLines(name string) ([][]byte, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil // source.Open reports the error
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	var lines [][]byte
	total := 0
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		line := bytes.TrimSpace(scanner.Bytes())
		switch {
		case len(line) == 0:
			continue
		case line[0] != '{' || !json.Valid(line):
			return nil, nil
		case len(lines) == maxLines:
			return nil, exit.Usagef("%s: too many documents: limit is %d", name, maxLines)
		}
		if total += len(line); total > maxTotal {
			return nil, exit.Usagef("%s: documents too large: limit is %s", name, term.Size(maxTotal))
		}
		lines = append(lines, bytes.Clone(line))
	}
	if scanner.Err() != nil || len(lines) < 2 {
		return nil, nil
	}
	return lines, nil
}
