package fetch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/record"
)

// findWithdrawn finds unchanged files that earlier pulls of attachments from the same origin placed, and that this one did not:
// their attachments were detached, or have another directory because names of files collide now or no longer collide. It removes them
// if r.remove is set.
func (r *attachmentsResult) findWithdrawn(a *app.App, origin string, all []*attachment, opts pullOptions) error {
	isType := func(kind string) bool { return strings.Contains(kind, "/") }
	if len(opts.Include)+len(opts.Roles) > 0 || slices.ContainsFunc(opts.kinds, isType) {
		if r.remove {
			a.Note("--delete removes nothing with --include, --role, or an artifactType, which leave out files that are still attached")
		}
		return nil
	}
	placed := map[string]bool{}
	for _, one := range r.Attachments {
		for _, f := range one.Files {
			placed[f.Path] = true
		}
	}
	var kinds []string
	for _, kind := range opts.kinds {
		kinds = append(kinds, directoryOf(kind))
	}
	for _, one := range all {
		first, _, _ := strings.Cut(filepath.ToSlash(one.dir), "/")
		kinds = append(kinds, first)
	}
	for _, kind := range lists.SortUnique(kinds) {
		err := filepath.WalkDir(filepath.Join(opts.output, kind), func(dir string, e fs.DirEntry, err error) error {
			if err != nil || !e.IsDir() {
				return r.orSkip(err)
			}
			rel, err := filepath.Rel(opts.output, dir)
			if err != nil {
				return err
			}
			if !opts.allPlatforms && r.isOtherPlatform(rel) {
				return fs.SkipDir
			}
			return r.findIn(a, origin, rel, placed)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// orSkip returns the error about a directory, or nil to skip it: if it does not exist, and without r.remove if it can't be read.
func (r *attachmentsResult) orSkip(err error) error {
	if !r.remove || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// isOtherPlatform reports whether a directory may be that of a platform whose attachments were not pulled.
func (r *attachmentsResult) isOtherPlatform(rel string) bool {
	parts := strings.Split(filepath.ToSlash(rel), "/")
	return len(parts) == 2 && strings.Contains(parts[1], "-") && parts[1] != r.platform
}

// recordKey matches the suffix that distinguishes the records of attachments in one directory.
var recordKey = lazy.Regexp(`^\.[0-9a-f]{12}$`)

// findIn finds the files of a directory that are in records of attachments and not in placed. If r.remove is set, it removes them, except
// changed files unless r.force is set.
func (r *attachmentsResult) findIn(a *app.App, origin, rel string, placed map[string]bool) error {
	dst, err := os.OpenRoot(filepath.Join(r.dir, rel))
	if err != nil {
		return r.orSkip(err)
	}
	defer dst.Close()
	state, err := pullState(dst)
	if err != nil {
		return nil // nothing is recorded, which the pull noted
	}
	entries, err := os.ReadDir(filepath.Dir(state))
	if err != nil {
		return err
	}
	for _, e := range entries {
		key, ok := strings.CutPrefix(e.Name(), filepath.Base(state))
		if !ok || !recordKey().MatchString(key) {
			continue
		}
		records := record.ReadState(state + key)
		last := records.Of(origin)
		for i := range last.Len() {
			f := last.Files.At(i)
			name := filepath.ToSlash(filepath.Join(rel, f.Path))
			info, err := dst.Lstat(f.Path)
			if err != nil || info.IsDir() || placed[name] || slices.Contains(r.Removed, name) || slices.Contains(r.Left, name) {
				continue
			}
			isOurs := records.IsOurs(dst, f.Path, info)
			if !r.remove {
				if isOurs {
					r.Left = append(r.Left, name)
				}
				continue
			}
			if !r.force && !isOurs {
				r.Kept = append(r.Kept, name)
				a.Note("%s was changed and is kept, although it is not in this pull", filepath.Join(r.dir, name))
				continue
			}
			if !r.dry {
				err = dst.Remove(f.Path)
			}
			if err != nil {
				return err
			}
			r.Removed = append(r.Removed, name)
		}
	}
	if r.dry {
		return nil
	}
	for _, name := range r.Removed { // directories that are empty now
		for d := filepath.Dir(filepath.FromSlash(name)); d != "."; d = filepath.Dir(d) {
			if os.Remove(filepath.Join(r.dir, d)) != nil {
				break
			}
		}
	}
	return nil
}

// noteLeft prints a note about the files of earlier pulls that --delete would remove.
func noteLeft(a *app.App, dir string, left []string) {
	switch n := len(left); {
	case n == 1:
		a.Note("%s is from an earlier pull, and not in this one; --delete removes it", filepath.Join(dir, left[0]))
	case n > 1:
		a.Note("%d files are from earlier pulls, and not in this one, such as %s; --delete removes them", n, filepath.Join(dir, left[0]))
	}
}
