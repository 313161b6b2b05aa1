package diff

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/listing"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/rootfs"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	textdiff "github.com/rogpeppe/go-internal/diff"
)

// maxDirFiles limits the files of a directory that are compared, because they are listed in memory.
const maxDirFiles = 1_000_000

// DirectoryOptions configure the comparison of a directory.
type DirectoryOptions struct {
	Text   bool // the lines of small text files
	Second bool // the directory is the second side, instead of the first
}

// Directory compares a directory with an artifact, as a pull would have placed its files. Files that only the directory has
// are Removed, and those that only the artifact has are Added, unless Second is set. Files of the same size are compared byte
// by byte. Of the permissions, only the owner's permission to execute is compared, since others depend on the umask. The
// digest of the directory is empty.
//
// Directory fails with errdef.ErrNotFound if the source does not have the reference or the platform, and with artifact.ErrRefused if
// the directory has more than 1,000,000 files.
func Directory(ctx context.Context, dir *os.Root, b Side, opts DirectoryOptions) (*Difference, error) {
	m, err := fetch.Resolve(ctx, b.Source, b.Ref)
	if err != nil {
		return nil, err
	}
	m, platform, err := fetch.Choose(ctx, b.Source, m, b.Platform)
	if err != nil {
		return nil, err
	}
	listed, _, err := listing.Files(ctx, b.Source, m, listing.Options{Digests: true})
	if err != nil {
		return nil, err
	}
	here, err := listDirectory(ctx, dir)
	if err != nil {
		return nil, err
	}
	d := &Difference{To: m.Desc.Digest, Platform: platform, Files: []FileChange{}, Config: []FieldChange{}, Annotations: []FieldChange{}}
	there := asPlaced(listed)
	err = pairFiles(here, there, func(f, want *pull.File) error {
		if f != nil && want != nil && f.Size == want.Size && f.Link == "" && want.Link == "" {
			if f.Digest, err = hashFile(ctx, dir, f.Path, want.Digest.Algorithm()); err != nil {
				return err
			}
		}
		from, to := f, want
		if opts.Second {
			from, to = want, f
		}
		if c := changeOf(from, to); c != nil {
			d.Files = append(d.Files, *c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.Same = len(d.Files) == 0
	if opts.Second {
		d.From, d.To = d.To, d.From
	}
	if !opts.Text {
		return d, nil
	}
	return d, addDirTexts(ctx, dirPair{dir, b, m, opts.Second}, d.Files)
}

// pairFiles calls fn for every path of two sorted lists, with nil for the side that lacks it.
func pairFiles(a, b []pull.File, fn func(a, b *pull.File) error) error {
	for len(a) > 0 || len(b) > 0 {
		var left, right *pull.File
		order := nextPath(a, b)
		if order <= 0 {
			left, a = &a[0], a[1:]
		}
		if order >= 0 {
			right, b = &b[0], b[1:]
		}
		if err := fn(left, right); err != nil {
			return err
		}
	}
	return nil
}

// changeOf returns the change of a file between two sides, or nil if it is the same. A nil file is absent.
func changeOf(a, b *pull.File) *FileChange {
	switch {
	case a == nil:
		return &FileChange{Path: b.Path, Change: Added, To: b}
	case b == nil:
		return &FileChange{Path: a.Path, Change: Removed, From: a}
	}
	if change, ok := compareFiles(a, b); ok {
		return &FileChange{Path: a.Path, Change: change, From: a, To: b}
	}
	return nil
}

// asPlaced returns files as a pull places them: a hard link has the content of its target, and modes are reduced by plainMode.
func asPlaced(files []pull.File) []pull.File {
	at := make(map[string]pull.File, len(files))
	for _, f := range files {
		at[f.Path] = f
	}
	placed := slices.Clone(files)
	for i := range placed {
		f := &placed[i]
		if target, ok := at[f.Link]; ok && fs.FileMode(f.Mode).IsRegular() && target.Link == "" {
			f.Size, f.Digest, f.Link = target.Size, target.Digest, ""
		}
		f.Mode = plainMode(fs.FileMode(f.Mode))
	}
	return placed
}

// plainMode reduces a mode to the type of the file and the owner's permission to execute it.
func plainMode(mode fs.FileMode) pull.Mode {
	switch {
	case mode&fs.ModeSymlink != 0:
		return pull.Mode(fs.ModeSymlink | 0o777)
	case mode.IsRegular() && mode&0o100 != 0:
		return 0o755
	case mode.IsRegular():
		return 0o644
	}
	return pull.Mode(mode.Type())
}

// listDirectory lists the files below a directory, sorted by path, without their digests. It leaves out directories, and the stages
// of interrupted pulls.
func listDirectory(ctx context.Context, dir *os.Root) ([]pull.File, error) {
	var files []pull.File
	err := fs.WalkDir(rootfs.Of(dir), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e.IsDir() && name == path.Base(name) && strings.HasPrefix(name, fetch.StagePrefix):
			return fs.SkipDir
		case e.IsDir():
			return nil
		case len(files) == maxDirFiles:
			return artifact.Refused(dir.Name(), "too many files: limit is %d", maxDirFiles)
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed in the meantime
		}
		if err != nil {
			return err
		}
		f := pull.File{Path: name, Size: info.Size(), Mode: plainMode(info.Mode())}
		if info.Mode()&fs.ModeSymlink != 0 {
			f.Size = 0
			if f.Link, err = dir.Readlink(name); err != nil {
				return err
			}
		}
		files = append(files, f)
		return nil
	})
	lists.Sort(files, func(a, b pull.File) int { return cmp.Compare(a.Path, b.Path) })
	return files, err
}

// hashFile returns the digest of a file in a directory, or "" if the algorithm is not available.
func hashFile(ctx context.Context, dir *os.Root, name string, algorithm digest.Algorithm) (digest.Digest, error) {
	if !algorithm.Available() {
		return "", nil
	}
	f, err := dir.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := algorithm.Digester()
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if _, err := io.CopyN(hash.Hash(), f, 64<<20); err == io.EOF {
			return hash.Digest(), nil
		} else if err != nil {
			return "", &artifact.Error{Op: "reading", Item: name, Err: err}
		}
	}
}

// dirPair is a directory and the artifact that it is compared with.
type dirPair struct {
	dir      *os.Root
	side     Side
	manifest *fetch.Manifest
	isSecond bool // the directory is the second side
}

// addDirTexts adds the differing lines to the changes of small text files.
func addDirTexts(ctx context.Context, p dirPair, changes []FileChange) error {
	chosen := smallTexts(changes)
	here := func(c *FileChange) *pull.File { return c.From }
	there := func(c *FileChange) *pull.File { return c.To }
	if p.isSecond {
		here, there = there, here
	}
	wanted := make([]*pull.File, len(chosen))
	for i, c := range chosen {
		wanted[i] = there(c)
	}
	texts, err := readSmallTexts(ctx, p.side.Source, p.manifest, fetch.Selection{}, wanted)
	if err != nil {
		return err
	}
	for _, c := range chosen {
		var own []byte
		if here(c) != nil {
			if own, err = p.dir.ReadFile(c.Path); err != nil {
				return err
			}
		}
		old, now := own, texts[c.Path]
		if p.isSecond {
			old, now = now, old
		}
		if isText(old) && isText(now) {
			c.Text = string(textdiff.Diff(sideName("a/", c.From), old, sideName("b/", c.To), now))
		}
	}
	return nil
}
