package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/missing"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/read"
	"oras.land/oras-go/v2/errdef"
)

// runPullFiles pulls the files that the command line names. One file may get another name, or go to standard output.
func runPullFiles(ctx context.Context, a *app.App, opts pullOptions, files []string) error {
	files = opts.includeFiles(files)
	if opts.output == "-" {
		if err := opts.checkStdout(files); err != nil {
			return err
		}
		err := runCat(ctx, a, catOptions{
			CatOptions: read.CatOptions{Path: files[0]}, target: opts.target, platform: opts.platform, version: opts.version, trust: opts.trust,
		})
		if errors.Is(err, errdef.ErrNotFound) && strings.ContainsAny(files[0], "*?[{") {
			err = &exit.MissingError{Text: err.Error(), Advice: adviceForPattern(opts.target, files[0])}
		}
		return err
	}
	var err error
	if opts.Platform, err = app.OptionalPlatform(opts.platform); err != nil {
		return err
	}
	dir, err := opts.chooseOutput(files)
	if err != nil {
		return err
	}
	result, err := app.WithVersions(ctx, a, opts.target, opts.version, func(t *app.Target) (*pull.Result, error) {
		var result *pull.Result
		var err error
		if !opts.renamed {
			result, err = pullFrom(ctx, a, t, opts)
			if err == nil {
				err = checkPulled(opts.output, files)
			}
		} else {
			result, err = pullAs(ctx, a, t, opts, files[0])
		}
		return result, explainMissing(err, t.Ref, files, opts.output)
	})
	if err != nil {
		return err
	}
	a.NotePlatform(result.Reference, opts.Platform, result.Platform)
	return a.Print(pullResult{result, dir, false})
}

// checkStdout returns an error if standard output can't take the files.
func (o *pullOptions) checkStdout(files []string) error {
	if len(files) > 1 {
		return &exit.UsageError{Err: fmt.Errorf("standard output takes one file, not %d", len(files)), Hint: "-o DIR takes several"}
	}
	if o.lock.IsSet() || o.NoUnpack || o.Referrers {
		return &exit.UsageError{Err: errors.New("--lock, --referrers, and --no-unpack pull into a file or directory, not to standard output"), Hint: "-o FILE"}
	}
	return nil
}

// findOnlyFile returns the name of the only file that a pull would place, to print it to standard output.
func findOnlyFile(ctx context.Context, a *app.App, opts pullOptions) (string, error) {
	if len(opts.kinds) > 0 {
		return "", &exit.UsageError{Err: errors.New("attachments are pulled into a directory, not to standard output"),
			Hint: shell.Command("davit", "show", "--kind", strings.Join(opts.kinds, ","), opts.target)}
	}
	platform, err := app.OptionalPlatform(opts.platform)
	if err != nil {
		return "", err
	}
	return app.WithVersions(ctx, a, opts.target, opts.version, func(t *app.Target) (string, error) {
		list := read.ListOptions{Platform: platform, Include: opts.Include, Roles: opts.Roles, NoUnpack: true, Limits: opts.Limits}
		found, err := listNames(ctx, t, list)
		if list.NoUnpack = opts.NoUnpack; err == nil && len(found) == 1 {
			found, err = listNames(ctx, t, list) // the only layer may be a directory
		}
		if err == nil && len(found) != 1 {
			err = &exit.UsageError{Err: fmt.Errorf("standard output takes one file, not all of %s", t.Ref),
				Hint: shell.Command("davit", "pull", t.Ref.String()) + " FILE -o -, where FILE is one of " + textdist.FirstFew(found)}
		}
		if err != nil {
			return "", err
		}
		return found[0], nil
	})
}

// listNames returns the names of the files that a pull would place.
func listNames(ctx context.Context, t *app.Target, opts read.ListOptions) (names []string, err error) {
	if err := t.Complete(ctx); err != nil {
		return nil, err
	}
	list, err := read.List(ctx, t.Target, t.Ref.Reference(), opts)
	if err != nil {
		return nil, t.Explain(ctx, err)
	}
	for _, f := range list.Files {
		names = append(names, f.Path)
	}
	return names, nil
}

// includeFiles chooses files by name, and returns their names as they are in the artifact.
func (o *pullOptions) includeFiles(files []string) (names []string) {
	for _, name := range files {
		name = path.Clean(strings.Trim(filepath.ToSlash(name), "/"))
		names = append(names, name)
		o.Include = append(o.Include, patternFor(name))
	}
	return names
}

// chooseOutput returns the directory for the files, and sets renamed if --output is a new name for the only file.
func (o *pullOptions) chooseOutput(files []string) (dir string, err error) {
	info, err := os.Stat(o.output)
	if len(files) != 1 || err == nil && info.IsDir() || strings.HasSuffix(o.output, "/") {
		return o.output, nil
	}
	if o.Referrers && o.output != "-" {
		return "", &exit.UsageError{Err: fmt.Errorf("--referrers needs a directory, and %s is a file", o.output), Hint: "-o " + shell.Quote(o.output+"/")}
	}
	o.renamed = true
	return filepath.Dir(o.output), nil
}

// patternFor returns a pattern for one path and the files below it. A pattern without a slash would match names in every directory.
func patternFor(name string) string {
	quoted := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`, ",", `\,`).Replace(name)
	return "{" + quoted + "," + quoted + "/}"
}

// checkPulled returns a *missing.NameError for the first file that a pull did not place in the directory.
func checkPulled(dir string, files []string) error {
	for _, name := range files {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return &missing.NameError{Typed: name}
		}
	}
	return nil
}

// explainMissing adds advice to the error about a file that the artifact does not have. The argument may have been meant as another artifact,
// as a pattern, or as the output directory.
func explainMissing(err error, ref registry.Reference, files []string, output string) error {
	var unknown *missing.NameError
	isFile := func(typed string) bool {
		return typed == "" || slices.ContainsFunc(files, func(file string) bool { return typed == file || typed == patternFor(file) })
	}
	if !errors.As(err, &unknown) || !isFile(unknown.Typed) { // such as a role that no layer has
		return err
	}
	name := files[0]
	if unknown.Typed != patternFor(name) && unknown.Typed != "" {
		name = unknown.Typed
	}
	unknown.Typed = name
	var advice []string
	if hint := unknown.Hint(); hint != "" {
		advice = append(advice, hint)
	}
	if other, parseErr := registry.Parse(name); parseErr == nil && !other.IsPath() && other.Reference() != "" {
		advice = []string{"one artifact at a time: " + shell.Command("davit", "pull", name)}
	} else if name == "-" && len(files) > 1 {
		others := slices.DeleteFunc(slices.Clone(files), func(file string) bool { return file == "-" })
		advice = []string{shell.Command(slices.Concat([]string{"davit", "pull", ref.String()}, others, []string{"-o", "-"})...)}
	} else if strings.ContainsAny(name, "*?[{") {
		advice = []string{adviceForPattern(ref.String(), name)}
	} else if output == "." {
		advice = append(advice, fmt.Sprintf("all files into %s: %s", name, shell.Command("davit", "pull", ref.String(), "-o", name)))
	}
	return &exit.MissingError{Text: fmt.Sprintf("%s: no file %q", ref, name), Advice: strings.Join(advice, "\n")}
}

// adviceForPattern returns the hint for a file whose name looks like a pattern.
func adviceForPattern(target, name string) string {
	return "FILE is not a pattern; files that match one: " + shell.Command("davit", "pull", target, "--include", name)
}

// pullAs pulls one file to opts.output. It fetches and verifies the file in a directory beside the output, where the next run continues after
// an interruption.
func pullAs(ctx context.Context, a *app.App, t *app.Target, opts pullOptions, name string) (*pull.Result, error) {
	output := filepath.Clean(opts.output)
	if _, err := makeDir(filepath.Dir(output)); err != nil {
		return nil, err
	}
	stage := opts
	stage.output = filepath.Join(filepath.Dir(output), "."+filepath.Base(output)+".davit")
	stage.record, stage.MaxListed = noRecord, 0
	result, err := pullFrom(ctx, a, t, stage)
	var known *artifact.Error
	if errors.As(err, &known) && known.Item == stage.output { // the user knows only the name of the file
		known.Op, known.Item = "writing", opts.output
	}
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(stage.output)
	if err := checkOnly(result, name, opts.output); err != nil {
		return nil, err
	}
	if result.Skipped, err = moveTo(filepath.Join(stage.output, filepath.FromSlash(name)), output, opts.Force); err != nil {
		return nil, err
	}
	result.Files[0].Path = filepath.Base(output)
	return result, nil
}

// checkOnly returns an error if the files of a result are those of a directory, and not the file for the output.
func checkOnly(r *pull.Result, name, output string) error {
	if len(r.Files) == 1 && r.Files[0].Path == name {
		return nil
	}
	return &exit.UsageError{
		Err:  fmt.Errorf("%q is a directory in %s, and %s is not one", name, r.Reference, output),
		Hint: "for a new directory: -o " + output + "/",
	}
}

// moveTo renames staged to output. It fails with artifact.ErrKept if output has different content, unless force is set. It reports whether
// output had the same content already.
func moveTo(staged, output string, force bool) (same bool, err error) {
	_, err = os.Lstat(output)
	if err == nil {
		same, err = hasSameBytes(staged, output)
		if same || err != nil && !errors.Is(err, fs.ErrNotExist) { // a link to nothing differs from any file
			return same, err
		}
		if !force {
			return false, refuseOutput(output)
		}
	}
	return false, os.Rename(staged, output)
}

// refuseOutput returns the error about an output that exists with different content.
func refuseOutput(output string) error {
	return &artifact.Error{Op: "writing", Item: output, Err: fmt.Errorf("file exists with different content, %w", artifact.ErrKept)}
}

// hasSameBytes reports whether two files have the same content.
func hasSameBytes(a, b string) (bool, error) {
	var readers [2]*os.File
	for i, name := range []string{a, b} {
		f, err := os.Open(name)
		if err != nil {
			return false, err
		}
		defer f.Close()
		readers[i] = f
	}
	var x, y [64 << 10]byte
	for {
		n, errX := io.ReadFull(readers[0], x[:])
		m, errY := io.ReadFull(readers[1], y[:])
		switch {
		case !bytes.Equal(x[:n], y[:m]):
			return false, nil
		case errX != nil || errY != nil:
			for _, err := range []error{errX, errY} {
				if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					return false, err
				}
			}
			return errX != nil && errY != nil, nil
		}
	}
}
