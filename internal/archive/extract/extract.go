package extract

import (
	"context"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
)

// Options are the options of an Extractor.
type Options struct {
	read.Options
	// Place returns the clean slash path below the destination for the clean name of an entry, or archive.ErrSkip. If it is
	// nil, the path is the name. A hard link to an entry that is left out is an error.
	Place func(name string) (string, error)
	// Preserve restores setuid bits, times, extended attributes, and, for root, owners. Note receives the metadata that the
	// user or the file system does not permit. Without Preserve, modes lose setuid, setgid, and sticky bits, and owners can
	// always read their files, and read and change their directories.
	Preserve bool
	// Unprivileged keeps Preserve from restoring metadata by which a program has more rights than its user: setuid and setgid
	// bits, and attributes such as file capabilities ("security.…").
	Unprivileged bool
	// Digests requests the SHA-256 of every file.
	Digests bool
	// Placed is called for every finished entry, one call at a time, in no particular order. It may be nil.
	Placed func(Placed)
	// Note is called with the name of an entry and its metadata that could not be preserved, one call at a time. It may be nil.
	Note func(name, what string)
}

// Placed is an unpacked entry.
type Placed struct {
	Name   string // path below the destination
	Mode   fs.FileMode
	Size   int64
	Link   string   // see read.Header
	Digest [32]byte // of a regular file's content, if requested; zero for hard links and sparse files
}

// Extractor unpacks archives, one after the other or several at once, into one directory, only through an os.Root. The
// directory belongs to the Extractor and is empty at first: the caller moves the result to its destination, or removes it
// if anything failed.
//
// Files are created, never opened, and never written through a link. Archives for one Extractor must not have files in
// common, unless they are the layers of an image, in order; see read.Options.Image.
type Extractor struct {
	root  *os.Root
	opts  Options
	names *read.Names

	mu      sync.Mutex // for resolve, and calls of Placed and Note
	resolve []string   // symbolic links to be resolved at the end
	dirMu   sync.Mutex // for dirs and the creation of directories
	dirs    map[string]*read.Header
}

// New returns an Extractor that unpacks into root.
func New(root *os.Root, opts Options) *Extractor {
	if opts.Image {
		opts.Exact = true // images do have names that differ only in case
	}
	return &Extractor{root: root, opts: opts, names: read.NewNames(opts.Exact), dirs: make(map[string]*read.Header)}
}

// Extract unpacks a single archive.
func Extract(ctx context.Context, r io.Reader, root *os.Root, opts Options) error {
	x := New(root, opts)
	if err := x.Extract(ctx, r); err != nil {
		return err
	}
	return x.Close()
}

// Extract unpacks an archive, which it reads to the end.
func (x *Extractor) Extract(ctx context.Context, r io.Reader) error {
	it, err := read.NewIterator(struct{ io.Reader }{r}, read.IteratorOptions{Options: x.opts.Options, Names: x.names, Place: x.opts.Place})
	if err != nil {
		return err
	}
	defer it.Close()
	u := newUnpacker(x, it)
	err = u.run(ctx)
	if workErr := u.stop(); err == nil {
		err = workErr
	}
	return err
}

// Close finishes the tree after the last archive, if the tree stays where it is: it checks links and sets the metadata of
// directories.
func (x *Extractor) Close() error {
	if err := x.CheckLinks(context.Background(), archive.NewLinkBudget()); err != nil {
		return err
	}
	if err := x.FinishDirs(); err != nil {
		return err
	}
	return x.LockDirs(x.root)
}

// CheckLinks checks the symbolic links that depend on other links, and refuses those that lead out of the tree; Extract has
// checked the others. All archives of an artifact share one budget.
func (x *Extractor) CheckLinks(ctx context.Context, budget *archive.LinkBudget) error {
	links := archive.NewLinks(archive.CleanDir(x.opts.Within), budget, func(at string) (string, bool) {
		target, err := x.root.Readlink(at)
		return target, err == nil
	})
	links.Grow(len(x.resolve))
	for _, name := range x.resolve {
		target, err := x.root.Readlink(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a later layer of an image deleted it
		}
		if err != nil {
			return err
		}
		if err := links.Check(ctx, name, target); err != nil && x.opts.Image {
			return archive.Outward(err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// report calls Options.Placed for an entry.
func (x *Extractor) report(h *read.Header, digest hash.Hash) {
	if x.opts.Placed == nil {
		return
	}
	p := Placed{Name: h.Name, Mode: x.mode(h), Size: h.Size, Link: h.Link}
	if digest != nil {
		digest.Sum(p.Digest[:0])
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opts.Placed(p)
}

// note calls Options.Note.
func (x *Extractor) note(name, what string) {
	if x.opts.Note == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opts.Note(name, what)
}

// mode returns the mode to set for an entry.
func (x *Extractor) mode(h *read.Header) fs.FileMode {
	switch {
	case x.opts.Preserve && x.opts.Unprivileged:
		return h.Mode &^ (fs.ModeSetuid | fs.ModeSetgid)
	case x.opts.Preserve || h.Mode.Type() == fs.ModeSymlink:
		return h.Mode
	case h.Mode.IsDir():
		return h.Mode.Type() | h.Mode.Perm() | 0o700
	}
	return h.Mode.Perm() | 0o400
}
