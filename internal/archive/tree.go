package archive

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Tree is what becomes an archive: which files of a file system, under which names, with how much of their metadata.
type Tree struct {
	// FS is where the files are; os.Root.FS() gives one that no link leads out of. Its files are *os.File for Preserve.
	FS fs.FS
	// Dir is the directory whose content is archived; entries are named relative to it. "" is ".".
	Dir string
	// Files, when not nil, are the paths in FS, below Dir, that are archived instead of all of Dir: files, and
	// directories with what is in them.
	Files []string
	// Exclude leaves paths out, slash and relative to Dir; a directory with all that is in it. nil keeps all.
	Exclude func(path string, dir bool) bool

	// Prefix is put before every name in the archive: "", "./", or directories, as in "volume-data/".
	Prefix string
	// Root adds an entry for Dir itself and for the directories of Prefix.
	Root bool
	// Bare leaves out every entry of a directory.
	Bare bool
	// Layer says that the archive becomes a layer of an image, where names that begin with ".wh." stand for files that
	// are deleted: such files are refused.
	Layer bool

	// Preserve keeps real modes, owners, times and extended attributes, hard links and the holes of sparse files.
	// Otherwise modes are 0644, or 0755 for directories and what its owner may execute; owners are 0.
	Preserve bool
	// ModTime is the time of every entry without Preserve; the zero value is 1970.
	ModTime time.Time
}

// maxProblems is how many refusals a walk reports by name.
const maxProblems = 20

// Walk lists the tree in the order of the archive: each directory before its content, names in the order of their
// bytes. It refuses what can't be archived, all of it at once: sockets, devices and pipes, symbolic links that lead
// out of Dir, and names that no reader would take, among them, without Preserve, those that differ only in
// case or Unicode form.
func (t Tree) Walk(ctx context.Context) ([]Entry, error) {
	if badPrefix(t.Prefix) {
		return nil, fmt.Errorf("prefix %q of an archive: want a relative path that ends in a slash", t.Prefix)
	}
	w := walker{tree: t, dir: clean(t.Dir), links: make(map[fileID][]string)}
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
	slices.SortFunc(w.entries, func(a, b Entry) int { return compareNames(a.Name, b.Name) })
	w.entries = slices.CompactFunc(w.entries, func(a, b Entry) bool { return a.Name == b.Name })
	if t.Preserve {
		w.hardLinks()
	} else {
		w.caseCollisions()
	}
	if w.bad > len(w.problems) {
		w.problems = append(w.problems, fmt.Errorf("and %d more", w.bad-len(w.problems)))
	}
	if len(w.problems) > 0 {
		return nil, errors.Join(w.problems...)
	}
	return w.entries, nil
}

func clean(dir string) string { return path.Clean("./" + dir) }

// walker is the state of one walk.
type walker struct {
	tree     Tree
	dir      string
	todo     []string            // directories to read, relative to dir
	chunks   [][]Entry           // what was found
	entries  []Entry             // the same in one piece, when all is found
	links    map[fileID][]string // names of files that have several
	problems []error
	bad      int // how many problems there are, reported or not
}

// start puts the roots of the walk into entries and todo.
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
		name := clean(file)
		if !within(name, w.dir) || name == w.dir {
			return refuse(file, "not below %q", w.dir)
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

// readDir adds what is in a directory. It reads in pieces, since a directory may have millions of files and their
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

// add appends an entry for a file that is not excluded, and takes note of what is wrong with it.
func (w *walker) add(name string, info fs.FileInfo) {
	if w.tree.Exclude != nil && w.tree.Exclude(name, info.IsDir()) {
		return
	}
	reason := badName(name, w.tree.Preserve)
	if !utf8.ValidString(name) {
		reason = "name is not UTF-8" // no fs.FS can open it
	}
	if reason == "" && w.tree.Layer && isWhiteout(name) {
		reason = whiteoutReason
	}
	if reason != "" {
		w.problem(refuse(name, "%s", reason))
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
		if w.tree.Preserve && links(info) > 1 {
			id := idOf(info)
			w.links[id] = append(w.links[id], name)
		}
	case e.Mode.Type() == fs.ModeSymlink:
		target, err := w.link(name)
		if err != nil {
			w.problem(err)
			return
		}
		e.Link, e.Size = target, 0
	default:
		w.problem(refuse(name, "%s can't be archived", typeName(e.Mode)))
		return
	}
	w.append(e)
}

// append adds to the last chunk. A slice that grows is copied again and again, which takes more memory than the entries
// of a large tree.
func (w *walker) append(e Entry) {
	last := len(w.chunks) - 1
	if last < 0 || len(w.chunks[last]) == cap(w.chunks[last]) {
		w.chunks = append(w.chunks, make([]Entry, 0, 64<<min(max(last, 0), 7)))
		last++
	}
	w.chunks[last] = append(w.chunks[last], e)
}

func (w *walker) problem(err error) {
	if w.bad++; w.bad <= maxProblems {
		w.problems = append(w.problems, err)
	}
}

// join makes one slice of the chunks. For a moment there are two of everything, and the collector lets the heap grow to
// twice of that: hence it is called before and after, when the tree is so large that this takes longer anyway.
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

// link reads a symbolic link and refuses one that leads out of the tree.
func (w *walker) link(name string) (string, error) {
	target, err := fs.ReadLink(w.tree.FS, path.Join(w.dir, name))
	if err != nil {
		return "", err
	}
	if err := checkLink(name, target, "."); err != nil {
		return "", err
	}
	if !upThenDown(target) {
		return target, nil
	}
	return target, resolveLink(name, target, ".", func(at string) (string, bool) {
		target, err := fs.ReadLink(w.tree.FS, path.Join(w.dir, at))
		return target, err == nil
	})
}

// hardLinks makes every further name of a file a link to its first name in the archive.
func (w *walker) hardLinks() {
	first := make(map[string]string)
	for _, names := range w.links {
		slices.SortFunc(names, compareNames)
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

// caseCollisions refuses names that differ only in case: not every system that unpacks the archive can have both.
// Sorted hashes find them in a ninth of the memory that the entries take.
func (w *walker) caseCollisions() {
	seed := maphash.MakeSeed()
	hashes := make([]uint64, len(w.entries))
	for i := range w.entries {
		hashes[i] = maphash.String(seed, foldName(w.entries[i].Name))
	}
	slices.Sort(hashes)
	twice := make(map[uint64]string) // the first name with a hash that several have
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			twice[hashes[i]] = ""
		}
	}
	if len(twice) == 0 {
		return
	}
	for i := range w.entries {
		name := w.entries[i].Name
		key := maphash.String(seed, foldName(name))
		switch first, ok := twice[key]; {
		case !ok:
		case first == "":
			twice[key] = name
		case foldName(first) == foldName(name):
			w.problem(refuse(name, "differs from %q only in case or in the form of its accents", first))
		}
	}
}

// newEntry makes an entry of what the file system says.
func newEntry(name string, info fs.FileInfo) Entry {
	e := Entry{Name: name, Mode: info.Mode(), ModTime: info.ModTime().UnixNano()}
	if info.Mode().IsRegular() {
		e.Size = info.Size()
	}
	e.Ino, e.CTime = idOf(info).ino, changeTime(info)
	return e
}

// typeName says what a file is that is no directory, regular file or symbolic link.
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

// badPrefix tells whether a prefix is none that archives may have.
func badPrefix(prefix string) bool {
	return prefix != "" && (!strings.HasSuffix(prefix, "/") || badName(prefix, false) != "")
}
