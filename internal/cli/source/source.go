// Package source opens what commands pack: it reads a davit.yaml, or detects the kind of plain files, and plans the artifact.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/rootfs"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/tree"
)

// Declaration is the name of the file that declares an artifact.
const Declaration = "davit.yaml"

// maxDeclaration is the limit in bytes of a davit.yaml, kind file, or config file. People write these by hand.
const maxDeclaration = 4 << 20

// Source is an artifact to pack: files and their declaration.
type Source struct {
	Name string // as the user wrote it
	Dir  string // directory to which the paths in the declaration are relative
	FS   fs.FS
	Spec *artifact.Spec
	Plan *artifact.Plan

	root *os.Root
	hub  *os.Root // the blobs of a snapshot in the Hugging Face cache; nil for other directories
}

// Close closes the directories of the source.
func (s *Source) Close() {
	_ = s.root.Close() // it was only read
	if s.hub != nil {
		_ = s.hub.Close()
	}
}

// opener opens the sources of one command.
type opener struct {
	*app.App
	*Options
	hide registry.Reference // target of the command
}

// Open opens one artifact: a directory with a davit.yaml, a davit.yaml, "-" for one on standard input, or plain files. It leaves out
// the path in hide, to which the command writes.
func Open(a *app.App, args []string, opts *Options, hide registry.Reference) (*Source, error) {
	return pause.Await(a.Context, func() (*Source, error) { return open(a, args, opts, hide) }) // opening or reading a pipe may wait forever
}

// open is like Open, but can't be canceled while it waits for a pipe.
func open(a *app.App, args []string, opts *Options, hide registry.Reference) (*Source, error) {
	o := &opener{a, opts, hide}
	switch {
	case opts.NamesFile() && len(args) > 0:
		return nil, &exit.UsageError{
			Err:  fmt.Errorf("--file %s and the source %q: an artifact has one declaration", opts.file, args[0]),
			Hint: "leave one of them out",
		}
	case opts.NamesFile():
		return o.openFile(opts.file)
	case len(args) == 0:
		return o.openHere()
	}
	return o.open(args)
}

// openFile opens a declaration with any name.
func (o *opener) openFile(name string) (*Source, error) {
	if name == "-" || isDescriptor(name) {
		return o.openDeclared(name, ".", "-")
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil, &exit.UsageError{Err: fmt.Errorf("--file %s: is a directory", name), Hint: "without --file, a directory is a source"}
	}
	dir, file := filepath.Split(filepath.Clean(name))
	return o.openDeclared(name, dir, file)
}

// open opens a declaration, or plain files.
func (o *opener) open(args []string) (*Source, error) {
	declared, err := findDeclaration(args)
	if err != nil {
		return nil, err
	}
	if declared == "" {
		return o.openPlain(args)
	}
	if len(args) > 1 {
		return nil, &exit.UsageError{
			Err:  fmt.Errorf("%q is an artifact of its own: it cannot be packed together with other sources", declared),
			Hint: "pack one davit.yaml at a time",
		}
	}
	if info, err := os.Stat(declared); declared != "-" && err == nil && info.IsDir() {
		return o.openDeclared(declared, declared, Declaration)
	}
	return o.openFile(declared)
}

// openHere opens the working directory. Without a davit.yaml or a kind, that is an error: the user is probably in the wrong
// directory, whose files may be private.
func (o *opener) openHere() (*Source, error) {
	if o.kind != "" || paths.Exists(Declaration) {
		return o.open([]string{"."})
	}
	return nil, NothingHere(`("." for all of them)`)
}

// NothingHere returns the error for a command without a source in a directory that has no davit.yaml. The hint ends with all, which says how
// to name all files.
func NothingHere(all string) error {
	return &exit.UsageError{
		Err:  fmt.Errorf("no %s in this directory", Declaration),
		Hint: `write one with "davit init", or name the files to pack ` + all,
	}
}

// Error returns an error about a source that cannot be read, with a hint if it looks like a target.
func Error(arg string, err error) error {
	e := exit.FileError("source", arg, err)
	if file, ok := paths.CutType(arg); ok {
		e.Hint = fmt.Sprintf("name only the file, %s: %s", file, paths.TypeHint)
		return e
	}
	if ref, parseErr := registry.Parse(arg); parseErr == nil && !ref.IsPath() && errors.Is(err, fs.ErrNotExist) {
		e.Hint = "sources come first, the target is the last argument"
		if ref.Reference() != "" {
			e.Hint = fmt.Sprintf("sources are files: \"%s\" gets those of an artifact\n%s", shell.Command("davit", "pull", arg), e.Hint)
		}
	} else if parseErr == nil && paths.IsLayout(ref.Path) {
		e.Hint = shell.Command("davit", "copy", arg, "TARGET") + " copies an artifact of a layout"
	}
	return e
}

// openDeclared opens the declaration file in dir. Messages call the source arg.
func (o *opener) openDeclared(arg, dir, file string) (*Source, error) {
	s, err := openRoot(arg, filepath.Clean(dir), o.hide)
	if err != nil {
		return nil, err
	}
	if err := o.parseDeclared(s, filepath.Join(dir, file), file); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// parseDeclared parses the declaration, and plans the artifact. Messages call the declaration name, or like the source if file is "-".
func (o *opener) parseDeclared(s *Source, name, file string) error {
	if s.Name == "-" && o.Logins.CountStdin() > 0 {
		return &exit.UsageError{Err: errors.New("standard input is davit.yaml, and can't be the password too"), Hint: "pass the password in DAVIT_PASSWORD, or log in before"}
	}
	data, err := o.readDeclaration(s, file)
	if err != nil {
		return err
	}
	if file == "-" {
		name = s.Name
	}
	spec, err := artifact.Parse(name, data)
	if file == "-" && !o.Documents {
		err = explainDocument(s.Name, data, err)
	}
	if spec == nil {
		return err
	}
	if err := o.refusePlain(spec); err != nil {
		return err
	}
	// Compose returns the problems of the declaration together with those of the files.
	return s.compose(spec, o.Options)
}

// explainDocument replaces the error about standard input or a pipe that is empty, or has a document instead of a declaration. It returns
// other errors unchanged.
func explainDocument(name string, data []byte, err error) error {
	if name == "-" {
		name = "standard input"
	}
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return exit.Usagef("%s is empty: the command before the pipe wrote nothing", name)
	case HasProblem(err, "kind is missing"), HasProblem(err, "is empty"): // to YAML, Markdown may be a comment
		return &exit.UsageError{Err: fmt.Errorf("%s is read as a %s, and has no kind", name, Declaration),
			Hint: `to pack a document, write it to a file and name that; "davit attach --file-name NAME - TARGET" attaches one from standard input`}
	}
	return err
}

// HasProblem reports whether err has a problem of a declaration with this text in its message.
func HasProblem(err error, text string) bool {
	var problems artifact.Problems
	return errors.As(err, &problems) && slices.ContainsFunc(problems, func(p artifact.Problem) bool { return strings.Contains(p.Message, text) })
}

// readDeclaration reads the declaration file in the directory of the source. If file is "-", it reads the source itself: standard input or a
// pipe.
func (o *opener) readDeclaration(s *Source, file string) ([]byte, error) {
	if s.Name == "-" {
		return ReadAll(file, o.Stdin)
	}
	if problem := tree.LinkOut(s.FS, ".", file); file != "-" && !IsStream(s.Name) && problem != "" {
		return nil, exit.Usagef("%s: %s", file, problem)
	}
	var f *os.File
	info, err := s.root.Stat(file)
	switch {
	case file == "-" || err == nil && IsStream(s.Name):
		f, err = os.Open(s.Name)
	case err == nil && !info.Mode().IsRegular():
		return nil, exit.Usagef("%s: is not a regular file", filepath.Join(s.Name, file)) // reading a pipe would wait forever
	default:
		f, err = s.root.Open(file)
	}
	if err != nil {
		return nil, Error(s.Name, err)
	}
	defer f.Close()
	return ReadAll(file, f)
}

// ReadAll reads a small file. It fails with artifact.ErrInvalid if the file is larger than 4 MiB.
func ReadAll(name string, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDeclaration+1))
	if err == nil && len(data) > maxDeclaration {
		err = fmt.Errorf("file too large: limit is %d MiB: %w", maxDeclaration>>20, artifact.ErrInvalid)
	}
	if err != nil {
		return nil, &artifact.Error{Op: "reading", Item: name, Err: err}
	}
	return data, nil
}

// OpenDir opens a directory without a declaration. Messages call it name.
func OpenDir(name, dir string) (*Source, error) { return openRoot(name, dir, registry.Reference{}) }

// openRoot opens a directory without planning an artifact. Messages call it name.
func openRoot(name, dir string, hide registry.Reference) (*Source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, Error(name, err)
	}
	s := &Source{Name: name, Dir: dir, root: root, FS: openContent(root, hide)}
	if s.hub = openHub(dir); s.hub != nil {
		s.FS = snapshot{s.FS.(rootFS), rootfs.Of(s.hub)}
	}
	return s, nil
}

// compose applies the flags to the declaration, and plans the artifact.
func (s *Source) compose(spec *artifact.Spec, o *Options) error {
	if err := o.apply(s.FS, spec); err != nil {
		return err
	}
	plan, err := artifact.Compose(s.FS, spec)
	s.Spec, s.Plan = spec, plan
	if err != nil {
		return s.Locate(err)
	}
	s.locateWarnings(plan)
	s.doubtNames()
	return nil
}

// locateWarnings names the files as Locate does in the warnings of a plan that begin with a file: "FILE: TEXT" or "FILE:LINE: TEXT". Those that
// begin with the name of a kind are about no file.
func (s *Source) locateWarnings(plan *artifact.Plan) {
	for i, w := range plan.Warnings {
		file, _, _ := strings.Cut(w, ": ")
		if before, isLine := strings.CutSuffix(strings.TrimRight(file, "0123456789"), ":"); isLine {
			file = before
		}
		if info, err := fs.Stat(s.FS, file); err == nil && !info.IsDir() && file != plan.Kind.Name {
			plan.Warnings[i] = filepath.ToSlash(s.formatPath(file)) + w[len(file):]
		}
	}
	for _, inner := range plan.Inner() {
		s.locateWarnings(inner)
	}
}

// Locate names the files in problems as the user knows them: relative to the working directory, not to the source.
func (s *Source) Locate(err error) error {
	var problems artifact.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for i, p := range problems {
		if s.Spec != nil && s.Spec.Source() != nil && p.File == s.Spec.Source().File {
			continue
		}
		if _, err := fs.Stat(s.FS, p.File); err == nil {
			problems[i].File = filepath.ToSlash(s.formatPath(p.File))
		}
	}
	return err
}
