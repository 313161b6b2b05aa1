package write

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"time"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/sysfile"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/lists"
)

// Tree describes the content of an archive: which files, under which names, and with how much of their metadata.
type Tree struct {
	// FS holds the files. If it is that of an os.Root, no link leads out of it. With Preserve its files must be *os.File.
	FS fs.FS
	// Dir is the directory to archive; names of entries are relative to it. "" is ".".
	Dir string
	// Files, if not nil, are paths in FS, below Dir, to archive instead of all of Dir: files, and directories with their
	// content.
	Files []string
	// Exclude reports whether to leave out a slash path relative to Dir; a directory with its content. nil excludes nothing.
	Exclude func(path string, dir bool) bool

	// Prefix precedes every name in the archive: "", "./", or directories, such as "volume-data/".
	Prefix string
	// Root adds entries for Dir itself and the directories of Prefix.
	Root bool
	// Bare leaves out the entries of directories.
	Bare bool
	// Layer is for a layer of an image. It refuses files whose names begin with ".wh.", which mark deleted files. It accepts
	// symbolic links with any target, and leaves out sockets, devices, and, without Preserve, pipes: containers do not get
	// those from a layer.
	Layer bool

	// Preserve keeps modes, owners, times, extended attributes, hard links, and the holes of sparse files. Otherwise modes
	// are 0644, or 0755 for directories and files that their owner may execute, and owners are 0.
	Preserve bool
	// ModTime is the time of every entry without Preserve. The zero value means 1970.
	ModTime time.Time
}

// maxProblems limits the refusals that a walk reports by name.
const maxProblems = 20

// Walk lists the tree in the order of the archive: each directory before its content, names in the order of their bytes.
// It refuses everything that can't be archived in one error: sockets, devices, and pipes; symbolic links that lead out of
// Dir; names that no reader would accept; and, without Preserve or Layer, names that differ only in case or Unicode form.
func (t Tree) Walk(ctx context.Context) ([]Entry, error) {
	if !archive.IsPrefix(t.Prefix) {
		return nil, fmt.Errorf("prefix %q of an archive: want a relative path that ends in a slash", t.Prefix)
	}
	w := walker{tree: t, dir: archive.CleanDir(t.Dir), links: make(map[sysfile.ID][]string)}
	w.resolver = archive.NewLinks(".", archive.NewLinkBudget(), func(at string) (string, bool) {
		target, err := fs.ReadLink(t.FS, path.Join(w.dir, at))
		return target, err == nil
	})
	if err := w.start(); err != nil {
		return nil, err
	}
	for len(w.todo) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		next := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		if err := w.readDir(next); err != nil {
			return nil, err
		}
	}
	w.join()
	lists.Sort(w.entries, func(a, b Entry) int { return archive.CompareNames(a.Name, b.Name) })
	unique := w.entries[:0]
	for _, e := range w.entries {
		if n := len(unique); n == 0 || unique[n-1].Name != e.Name {
			unique = append(unique, e)
		}
	}
	w.entries = unique
	if t.Preserve {
		w.linkHardLinks()
	} else if !t.Layer {
		w.refuseCaseCollisions()
	}
	if w.bad > len(w.problems) {
		w.problems = append(w.problems, fmt.Errorf("and %d more", w.bad-len(w.problems)))
	}
	if len(w.problems) > 0 {
		return nil, fault.Join(w.problems...)
	}
	return w.entries, nil
}

// isExact reports whether names that not every system can create are kept, as in backups and images.
func (t Tree) isExact() bool { return t.Preserve || t.Layer }

// walker is the state of one walk.
type walker struct {
	tree     Tree
	dir      string
	todo     []string                // directories to read, relative to dir
	chunks   [][]Entry               // entries found so far
	entries  []Entry                 // all entries in one slice, once all are found
	links    map[sysfile.ID][]string // names of files that have several
	resolver *archive.Links
	problems []error
	bad      int // number of problems, reported or not
}

// start adds the roots of the walk to entries and todo.
func (w *walker) start() error {
	if w.tree.Root {
		info, err := fs.Stat(w.tree.FS, w.dir)
		if err != nil {
			return err
		}
		w.append(newEntry(".", info))
	}
	if w.tree.Files == nil {
		w.todo = append(w.todo, ".")
		return nil
	}
	for _, file := range w.tree.Files {
		name := archive.CleanDir(file)
		if !archive.IsWithin(name, w.dir) || name == w.dir {
			return archive.Refuse(file, "not below %q", w.dir)
		}
		info, err := fs.Lstat(w.tree.FS, name)
		if err != nil {
			return err
		}
		if w.dir != "." {
			name = name[len(w.dir)+1:]
		}
		w.add(name, info)
	}
	return nil
}

// readDir adds the content of a directory. It reads in pieces, since a directory may have millions of files, and an
// fs.FileInfo is much larger than an Entry.
func (w *walker) readDir(dir string) error {
	f, err := w.tree.FS.Open(path.Join(w.dir, dir))
	if err != nil {
		return err
	}
	defer f.Close()
	lister, ok := f.(fs.ReadDirFile)
	if !ok {
		return fmt.Errorf("reading directory %q: not a directory", dir)
	}
	for {
		found, err := lister.ReadDir(512)
		for _, d := range found {
			info, err := d.Info()
			if err != nil {
				return fmt.Errorf("reading directory %q: %w", dir, err)
			}
			w.add(path.Join(dir, d.Name()), info)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading directory %q: %w", dir, err)
		}
	}
}

// add adds an entry for a file that is not excluded, or records its problem.
func (w *walker) add(name string, info fs.FileInfo) {
	if w.tree.Exclude != nil && w.tree.Exclude(name, info.IsDir()) {
		return
	}
	reason := archive.NameProblem(name, w.tree.isExact())
	if reason == "" && w.tree.Layer && archive.IsWhiteout(name) {
		reason = archive.WhiteoutReason
	}
	if reason != "" {
		w.addProblem(archive.Refuse(name, "%s", reason))
		return
	}
	e := newEntry(name, info)
	switch {
	case e.Mode.IsDir():
		w.todo = append(w.todo, name)
		if w.tree.Bare {
			return
		}
	case e.Mode.IsRegular():
		if w.tree.Preserve && sysfile.Links(info) > 1 {
			id := sysfile.IDOf(info)
			w.links[id] = append(w.links[id], name)
		}
	case e.Mode.Type() == fs.ModeSymlink:
		target, err := w.readLink(name)
		if err != nil {
			w.addProblem(err)
			return
		}
		e.Link, e.Size = target, 0
	case e.Mode.Type() == fs.ModeNamedPipe && w.tree.Preserve:
	case w.tree.Layer:
		return
	default:
		w.addProblem(archive.Refuse(name, "%s can't be archived", typeName(e.Mode)))
		return
	}
	w.append(e)
}

// append adds to the last chunk. A single growing slice would be copied repeatedly, which takes more memory than the
// entries of a large tree.
func (w *walker) append(e Entry) {
	last := len(w.chunks) - 1
	if last < 0 || len(w.chunks[last]) == cap(w.chunks[last]) {
		w.chunks = append(w.chunks, make([]Entry, 0, 64<<min(max(last, 0), 7)))
		last++
	}
	w.chunks[last] = append(w.chunks[last], e)
}

func (w *walker) addProblem(err error) {
	if w.bad++; w.bad <= maxProblems {
		w.problems = append(w.problems, err)
	}
}

// join concatenates the chunks. Meanwhile all entries exist twice, and the garbage collector would let the heap grow to twice
// that size. So join collects garbage before and after, unless the tree is so small that this would take most of the time.
func (w *walker) join() {
	large := len(w.chunks) > 16
	if large {
		runtime.GC()
	}
	w.entries = slices.Concat(w.chunks...)
	w.chunks = nil
	if large {
		runtime.GC()
	}
}

// readLink returns the target of a symbolic link. It refuses a link that leads out of a tree that is not a layer.
func (w *walker) readLink(name string) (string, error) {
	target, err := fs.ReadLink(w.tree.FS, path.Join(w.dir, name))
	if err != nil {
		return "", err
	}
	if w.tree.Layer && target != "" && len(target) <= archive.MaxName {
		return target, nil
	}
	if err := archive.CheckLink(name, target, "."); err != nil {
		return "", err
	}
	if !archive.DependsOnLinks(target) {
		return target, nil
	}
	w.resolver.Grow(1)
	return target, w.resolver.Check(context.Background(), name, target)
}

// linkHardLinks turns all names of a file but the first into links to the first.
func (w *walker) linkHardLinks() {
	first := make(map[string]string)
	for _, names := range w.links {
		lists.Sort(names, archive.CompareNames)
		for _, name := range names[1:] {
			if name != names[0] {
				first[name] = names[0]
			}
		}
	}
	for i := range w.entries {
		if to, ok := first[w.entries[i].Name]; ok {
			w.entries[i].Link, w.entries[i].Size = to, 0
		}
	}
}

// refuseCaseCollisions refuses names that differ only in case or Unicode form, which not every system can unpack.
func (w *walker) refuseCaseCollisions() {
	var c archive.Collisions
	for i := range w.entries {
		c.Add(w.entries[i].Name)
	}
	if !c.HasCandidates() {
		return
	}
	for i := range w.entries {
		if first, ok := c.Find(w.entries[i].Name); ok {
			w.addProblem(archive.Refuse(w.entries[i].Name, "differs from %q only in case or in the form of its accents", first))
		}
	}
}

// typeName describes a file that is not a directory, regular file, or symbolic link.
func typeName(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a file of an unknown type"
}
