package declare

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

func newInitCommand(a *app.App) *cobra.Command {
	var opts initOptions
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Detect the kind of files and write a commented davit.yaml for them",
		Long: `Detect the kind of the files in a directory (default: this one) and write a davit.yaml that
packs them, with comments about other fields.`,
		Example: "  davit init\n  davit init charts/web --kind helm",
		GroupID: app.GroupDeclare,
		Args:    app.Arguments(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			opts.dir = "."
			if len(args) > 0 {
				opts.dir = args[0]
			}
			return runInit(a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.kind, "kind", "", "use this `KIND`, or a kind file (default: detected)")
	cmd.Flags().BoolVar(&opts.force, "force", false, "overwrite an existing davit.yaml")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "print the davit.yaml, without writing it")
	return cmd
}

type initOptions struct {
	dir    string
	kind   string
	force  bool
	dryRun bool
}

func runInit(a *app.App, opts initOptions) error {
	dir, err := filepath.Abs(opts.dir)
	if err != nil {
		return err
	}
	if info, err := os.Stat(dir); err != nil {
		return source.Error(opts.dir, err)
	} else if !info.IsDir() {
		return exit.FileError("directory", opts.dir, syscall.ENOTDIR)
	}
	if err := source.CheckLayout(opts.dir); err != nil && opts.kind == "" {
		return err
	}
	s, err := source.OpenDir(opts.dir, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	file := filepath.Join(opts.dir, source.Declaration)
	if _, err := os.Lstat(file); err == nil && !opts.force && !opts.dryRun {
		return &exit.UsageError{Err: fmt.Errorf("%s already exists", file), Hint: "overwrite it with --force"}
	}
	kind, err := resolveKind(dir, opts.kind)
	if err != nil {
		return err
	}
	text, err := artifact.Starter(inParent{s.FS}, source.TitleOf(dir), kind)
	if err != nil {
		return s.Locate(err)
	}
	if opts.dryRun {
		return a.WriteOut(text)
	}
	if err := writeAtomically(file, text); err != nil {
		return err
	}
	spec, err := artifact.Parse(file, text)
	if err != nil {
		return err
	}
	return a.Print(initResult{File: file, Kind: spec.Kind})
}

// inParent is the file system of a parent directory: it has FS as a subdirectory of any name.
type inParent struct{ fs.FS }

// Sub returns FS.
func (p inParent) Sub(string) (fs.FS, error) { return p.FS, nil }

// writeAtomically writes a file under a temporary name and renames it, so that the old file stays intact if the disk is
// full.
func writeAtomically(file string, data []byte) error {
	temp := filepath.Join(filepath.Dir(file), fmt.Sprintf(".%s.davit-%d", filepath.Base(file), os.Getpid()))
	err := os.WriteFile(temp, data, 0o666)
	if err == nil {
		err = os.Rename(temp, file)
	}
	if err != nil {
		_ = os.Remove(temp) // it may not exist
		var errno syscall.Errno
		if errors.As(err, &errno) { // omit the temporary name
			err = errno
		}
		return &artifact.Error{Op: "writing", Item: file, Err: err}
	}
	return nil
}

// resolveKind returns the kind as a davit.yaml in dir names it. For a kind file, that is its path relative to dir. It returns a usage
// error if the file is not below dir.
func resolveKind(dir, kind string) (string, error) {
	if !artifact.IsKindFile(kind) {
		return kind, nil
	}
	absolute, err := filepath.Abs(kind)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, absolute)
	if err != nil || !filepath.IsLocal(rel) {
		return "", &exit.UsageError{Err: fmt.Errorf("kind file %q is outside of the directory", kind), Hint: "a davit.yaml can only name files below it: copy the kind file there"}
	}
	return "./" + filepath.ToSlash(rel), nil
}

// initResult is the result of init.
type initResult struct {
	File string `json:"file"`
	Kind string `json:"kind"`
}

// WriteText prints the file and the kind.
func (r initResult) WriteText(w io.Writer) error {
	return term.WriteLine(w, fmt.Sprintf("wrote %s (%s)", r.File, r.Kind))
}
