package read

import (
	"hash/maphash"
	"path"
	"sync"

	"github.com/davit-oci/davit/internal/archive"
)

// Names is an index of all names in one or several archives that are unpacked into one tree. It stores hashes, which take
// about 40 bytes per name. The seed is random, so that an archive can't be crafted with names that collide. By chance, two of
// a million names collide once in 10⁷ cases.
type Names struct {
	mu      sync.Mutex
	seed    maphash.Seed
	isExact bool
	seen    map[uint64]record
	archive uint16 // number of the latest archive
}

// record is the hash of a name's spelling (48 bits), the number of its archive (14), and its kind (2).
type record uint64

// nameKind is the kind of entry that a name belongs to.
type nameKind uint8

const (
	kindDir nameKind = iota
	kindFile
	kindSymlink
)

// MaxArchives is the maximum number of archives that one index can distinguish.
const MaxArchives = 1<<14 - 1

// NewNames returns an empty index. For isExact see archive.Limits.Exact.
func NewNames(isExact bool) *Names {
	return &Names{seed: maphash.MakeSeed(), isExact: isExact, seen: make(map[uint64]record)}
}

// nextArchive returns the number of the next archive.
func (n *Names) nextArchive() (uint16, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.archive == MaxArchives {
		return 0, archive.Refuse("", "too many layers: limit is %d", MaxArchives)
	}
	n.archive++
	return n.archive, nil
}

func (n *Names) key(name string) uint64 {
	if !n.isExact {
		name = archive.FoldName(name)
	}
	return maphash.String(n.seed, name)
}

func (n *Names) newRecord(name string, kind nameKind, archive uint16) record {
	return record(maphash.String(n.seed, name)<<16 | uint64(archive)<<2 | uint64(kind))
}

func (r record) kind() nameKind  { return nameKind(r & 3) }
func (r record) archive() uint16 { return uint16(r>>2) & MaxArchives }

// hasSpelling reports whether r and other are spelled the same.
func (r record) hasSpelling(other record) bool { return r>>16 == other>>16 }

// nameEntry is an entry to be added to the index.
type nameEntry struct {
	name    string
	kind    nameKind
	archive uint16
	replace bool // whether the entry replaces those of earlier archives
}

// add adds an entry and the directories above it. It refuses a name that exists, unless both are directories, and a name
// below something that is not a directory.
func (n *Names) add(e nameEntry) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e.name != "." {
		for dir := path.Dir(e.name); dir != "."; dir = path.Dir(dir) {
			known, err := n.put(e, dir, kindDir)
			if err != nil {
				return err
			}
			if known {
				break
			}
		}
	}
	_, err := n.put(e, e.name, e.kind)
	return err
}

// put adds one name on behalf of the entry e: its own or that of a directory above it. It reports whether the name is a
// directory that the index has already.
func (n *Names) put(e nameEntry, name string, kind nameKind) (known bool, err error) {
	key, now := n.key(name), n.newRecord(name, kind, e.archive)
	was, ok := n.seen[key]
	switch {
	case !ok, e.replace && was.archive() != e.archive:
		n.seen[key] = now
		return false, nil
	case !was.hasSpelling(now):
		return false, archive.Refuse(e.name, "differs from another entry only in case or in the form of its accents")
	case was.kind() == kindDir && kind == kindDir:
		return true, nil
	case e.name == name:
		return false, archive.Refuse(e.name, "duplicate entry")
	case was.kind() == kindSymlink:
		return false, archive.Refuse(e.name, "is below the symbolic link %q", name)
	}
	return false, archive.Refuse(e.name, "is below %q, which is not a directory", name)
}

// find returns the kind of a name in an archive.
func (n *Names) find(name string, archive uint16) (nameKind, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, ok := n.seen[n.key(name)]
	if !ok || r.archive() != archive || !r.hasSpelling(n.newRecord(name, 0, 0)) {
		return 0, false
	}
	return r.kind(), true
}
