package fetch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/missing"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/read"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// runPullDry prints which files a pull would place and remove, or fails as the pull would.
func runPullDry(ctx context.Context, a *app.App, opts pullOptions, files []string) error {
	files = opts.includeFiles(files)
	var err error
	if opts.Platform, err = app.OptionalPlatform(opts.platform); err != nil {
		return err
	}
	dir, err := opts.chooseOutput(files)
	if opts.output == "-" {
		dir, err = opts.output, opts.checkStdout(files)
	}
	if err != nil {
		return err
	}
	result, err := app.WithVersions(ctx, a, opts.target, opts.version, func(t *app.Target) (*pull.Result, error) {
		result, err := previewFrom(ctx, a, t, opts)
		if err == nil && opts.renamed {
			err = previewAs(ctx, result, files[0], opts)
		}
		for _, name := range files {
			isIn := func(f pull.File) bool { return f.Path == name || strings.HasPrefix(f.Path, name+"/") }
			if err == nil && !opts.renamed && !slices.ContainsFunc(result.Files, isIn) {
				err = &missing.NameError{Typed: name}
			}
		}
		if err != nil && len(files) > 0 {
			err = explainMissing(err, t.Ref, files, opts.output)
		}
		if err != nil {
			return nil, t.Explain(ctx, err)
		}
		return result, nil
	})
	if err != nil {
		return err
	}
	a.NotePlatform(result.Reference, opts.Platform, result.Platform)
	return a.Print(pullResult{result, dir, true})
}

// previewFrom does the same as pullFrom, without writing.
func previewFrom(ctx context.Context, a *app.App, t *app.Target, opts pullOptions) (*pull.Result, error) {
	reference, err := opts.pin(ctx, a, t)
	if err != nil {
		return nil, err
	}
	result, err := preview(ctx, a, t, reference, opts)
	if err != nil {
		return nil, err
	}
	result.Reference = t.Ref.String()
	noteLeft(a, opts.output, result.Left)
	if !opts.Referrers {
		return result, nil
	}
	root, err := t.Resolve(ctx, reference)
	if err != nil {
		return nil, err
	}
	return result, pull.PreviewReferrers(ctx, t.Target, root, result, func(digest, dir string) (*pull.Result, error) {
		if err := checkWithin(opts.output, dir); err != nil {
			return nil, err
		}
		own := opts
		own.output, own.record = filepath.Join(opts.output, dir), noRecord
		own.Include, own.Roles, own.Platform = nil, nil, nil
		return preview(ctx, a, t, digest, own)
	})
}

// checkWithin returns the error of a pull that can't create a directory in the output, such as because a link leads out of it.
func checkWithin(output, dir string) error {
	root, err := openExisting(output)
	if root == nil {
		return err
	}
	defer root.Close()
	_, err = root.Stat(dir)
	if path := (*fs.PathError)(nil); errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) {
		return &artifact.Error{Op: "writing to", Item: dir, Err: path.Err}
	}
	return nil
}

// preview lists the files of an artifact, and compares them with those in the output directory unless the only file gets another name.
func preview(ctx context.Context, a *app.App, t *app.Target, reference string, opts pullOptions) (*pull.Result, error) {
	list := read.ListOptions{Platform: opts.Platform, Include: opts.Include, Roles: opts.Roles, NoUnpack: opts.NoUnpack, Dirs: true, Limits: opts.Limits}
	listed, err := read.List(ctx, t.Target, reference, list)
	var unknown *missing.NameError
	if listed == nil || err != nil && !errors.As(err, &unknown) {
		return nil, err
	}
	var dst *os.Root
	if !opts.renamed {
		if dst, err = openExisting(opts.output); err != nil {
			return nil, err
		}
	}
	mustCompare := func(f pull.File) bool { // the digest is not known yet
		name := opts.output
		if !opts.renamed {
			name = filepath.Join(name, filepath.FromSlash(f.Path))
		}
		info, err := os.Stat(name)
		return err == nil && f.Digest == "" && fs.FileMode(f.Mode).IsRegular() && info.Size() == f.Size
	}
	if dst != nil {
		defer dst.Close()
		opts.Digests, opts.Origin, opts.NoSync = a.Cache(), t.Ref.Name(), !opts.durable
		opts.State = recordPath(a, dst, opts)
	}
	if (dst != nil || opts.renamed && opts.output != "-") && slices.ContainsFunc(listed.Files, mustCompare) {
		list.Digests = true
		if listed, err = read.List(ctx, t.Target, reference, list); err != nil {
			return nil, err
		}
	}
	result := listed.Result
	if err := pull.Preview(ctx, t.Target, dst, result, opts.Options); err != nil {
		if unknown != nil && errors.As(err, new(*missing.NameError)) {
			err = unknown // its hint also knows the files in tars
		}
		return nil, err
	}
	result.Files = lists.Delete(result.Files, func(f pull.File) bool { return fs.FileMode(f.Mode).IsDir() })
	result.FileCount = len(result.Files)
	for _, f := range result.Files {
		result.FileSize += f.Size
	}
	return result, nil
}

// openExisting opens a directory. It returns nil if the directory does not exist.
func openExisting(dir string) (*os.Root, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(dir)
	}
	if err != nil {
		return nil, exit.FileError("directory", dir, err)
	}
	return root, nil
}

// previewAs does the same as pullAs, without writing: the only file of the result gets the name of the output.
func previewAs(ctx context.Context, r *pull.Result, name string, opts pullOptions) error {
	if err := checkOnly(r, name, opts.output); err != nil {
		return err
	}
	dir, base := filepath.Dir(opts.output), filepath.Base(opts.output)
	if opts.output == "-" {
		return nil
	}
	file := r.Files[0]
	r.Files[0].Path = base
	root, err := openExisting(dir)
	if root == nil {
		return err
	}
	defer root.Close()
	if _, err := root.Lstat(base); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if f, err := os.Open(opts.output); err == nil { // the output may be a link to anywhere
		defer f.Close()
		desc := ocispec.Descriptor{Digest: file.Digest, Size: file.Size}
		r.Skipped = file.Digest != "" && fetch.CopyVerified(ctx, io.Discard, f, desc, func(int64) {}) == nil
	}
	if !r.Skipped && !opts.Force {
		return refuseOutput(opts.output)
	}
	return nil
}
