package archive

import (
	"hash/maphash"
	"path"
	"sync"
)

// names knows every name that was unpacked, by its hash, which takes some 40 bytes a name. The seed is random, so that
// nobody can make up names that collide; that two of a million do by chance is one case in 10⁷.
type names struct {
	mu      sync.Mutex
	seed    maphash.Seed
	exact   bool
	seen    map[uint64]record
	archive uint16 // of the latest archive
}

// record is what is known of a name: the hash of its spelling (48 bits), the archive it came with (14), its kind (2).
type record uint64

// nameKind is what a name stands for.
type nameKind uint8

const (
	kindDir nameKind = iota
	kindFile
	kindSymlink
)

// maxArchives is how many archives one index can tell apart.
const maxArchives = 1<<14 - 1

func newNames(exact bool) *names {
	return &names{seed: maphash.MakeSeed(), exact: exact, seen: make(map[uint64]record)}
}

// begin gives the number of a further archive.
func (n *names) begin() (uint16, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.archive == maxArchives {
		return 0, refuse("", "more than %d layers", maxArchives)
	}
	n.archive++
	return n.archive, nil
}

func (n *names) key(name string) uint64 {
	if !n.exact {
		name = foldName(name)
	}
	return maphash.String(n.seed, name)
}

func (n *names) record(name string, kind nameKind, archive uint16) record {
	return record(maphash.String(n.seed, name)<<16 | uint64(archive)<<2 | uint64(kind))
}

func (r record) kind() nameKind  { return nameKind(r & 3) }
func (r record) archive() uint16 { return uint16(r>>2) & maxArchives }

// sameName tells whether r is of the same spelling as other.
func (r record) sameName(other record) bool { return r>>16 == other>>16 }

// add takes a name in, with the directories above it. It refuses a name that was there, unless both are directories, and
// one that stands below something that is no directory. With replace, what came with earlier archives does not count.
func (n *names) add(name string, kind nameKind, archive uint16, replace bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name != "." {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			known, err := n.put(name, dir, kindDir, archive, replace)
			if err != nil {
				return err
			}
			if known {
				break
			}
		}
	}
	_, err := n.put(name, name, kind, archive, replace)
	return err
}

// put takes in one name, for the entry that is being added.
func (n *names) put(entry, name string, kind nameKind, archive uint16, replace bool) (known bool, err error) {
	key, now := n.key(name), n.record(name, kind, archive)
	was, ok := n.seen[key]
	switch {
	case !ok, replace && was.archive() != archive:
		n.seen[key] = now
		return false, nil
	case !was.sameName(now):
		return false, refuse(entry, "differs from another entry only in case or in the form of its accents")
	case was.kind() == kindDir && kind == kindDir:
		return true, nil
	case entry == name:
		return false, refuse(entry, "the archive has it twice")
	case was.kind() == kindSymlink:
		return false, refuse(entry, "stands below the symbolic link %q", name)
	}
	return false, refuse(entry, "stands below %q, which is no directory", name)
}

// find tells what a name stands for in an archive.
func (n *names) find(name string, archive uint16) (nameKind, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, ok := n.seen[n.key(name)]
	if !ok || r.archive() != archive || !r.sameName(n.record(name, 0, 0)) {
		return 0, false
	}
	return r.kind(), true
}
