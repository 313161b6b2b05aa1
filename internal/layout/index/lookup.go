package index

import (
	"slices"

	"github.com/opencontainers/go-digest"
)

// fewLookups is the number of searches of an index before tables are made, which take three times the memory of the entries.
const fewLookups = 64

// tables are the positions of the entries of an index, in ascending order.
type tables struct {
	names   map[string][]int32
	digests map[digest.Digest][]int32
	unnamed map[digest.Digest][]int32
}

// lookup returns the tables; nil: the entries must be searched.
func (ix *Index) lookup() *tables {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.lookups++; ix.tables == nil && ix.lookups > fewLookups {
		ix.tables = &tables{make(map[string][]int32, ix.live), make(map[digest.Digest][]int32), map[digest.Digest][]int32{}}
		for i, e := range ix.entries {
			ix.tables.add(int32(i), e)
		}
	}
	return ix.tables
}

// add adds an entry at a position to the tables.
func (t *tables) add(i int32, e Entry) {
	if e.Digest == "" {
		return
	}
	for _, key := range e.keys() {
		insert(t.names, key, i)
	}
	insert(t.digests, e.Digest, i)
	if !e.isNamed() {
		insert(t.unnamed, e.Digest, i)
	}
}

// remove is the reverse of add.
func (t *tables) remove(i int32, e Entry) {
	for _, key := range e.keys() {
		drop(t.names, key, i)
	}
	drop(t.digests, e.Digest, i)
	drop(t.unnamed, e.Digest, i)
}

func insert[K comparable](m map[K][]int32, key K, i int32) {
	list := m[key]
	if n := len(list); n == 0 || list[n-1] < i {
		m[key] = append(list, i)
		return
	}
	at, _ := slices.BinarySearch(list, i)
	m[key] = slices.Insert(list, at, i)
}

func drop[K comparable](m map[K][]int32, key K, i int32) {
	list := m[key]
	at, found := slices.BinarySearch(list, i)
	switch {
	case !found:
	case len(list) == 1:
		delete(m, key)
	case at == 0: // in constant time: of many, the first ones are dropped one after the other
		m[key] = list[1:]
	default:
		m[key] = slices.Delete(list, at, at+1)
	}
}

// candidates returns the positions of the entries that can be found under one of the names.
func (ix *Index) candidates(names ...string) []int32 {
	var found []int32
	if t := ix.lookup(); t != nil {
		for _, name := range names {
			found = append(found, t.names[name]...)
		}
		slices.Sort(found)
		return slices.Compact(found)
	}
	for i, e := range ix.entries {
		if slices.ContainsFunc(names, e.hasName) {
			found = append(found, int32(i))
		}
	}
	return found
}

// of returns the positions of the entries of a manifest, or of all if d is empty.
func (ix *Index) of(d digest.Digest) []int32 {
	if t := ix.lookup(); t != nil && d != "" {
		return slices.Clone(t.digests[d])
	}
	return ix.search(func(e Entry) bool { return e.Digest == d || d == "" })
}

// first returns the position of the first entry of a manifest, or -1.
func (ix *Index) first(d digest.Digest) int {
	if t := ix.lookup(); t != nil {
		if list := t.digests[d]; len(list) > 0 && d != "" {
			return int(list[0])
		}
		return -1
	}
	return slices.IndexFunc(ix.entries, func(e Entry) bool { return e.Digest == d && d != "" })
}

// unnamed returns the positions of the entries of a manifest that have no name.
func (ix *Index) unnamed(d digest.Digest) []int32 {
	if t := ix.lookup(); t != nil {
		return slices.Clone(t.unnamed[d])
	}
	return ix.search(func(e Entry) bool { return e.Digest == d && !e.isNamed() })
}

func (ix *Index) search(matches func(Entry) bool) (found []int32) {
	for i, e := range ix.entries {
		if e.Digest != "" && matches(e) {
			found = append(found, int32(i))
		}
	}
	return found
}

// set replaces an entry. One without a digest removes it.
func (ix *Index) set(i int32, e Entry) {
	old := ix.entries[i]
	ix.entries[i] = e
	ix.version++
	if e.Digest == "" {
		ix.live--
	}
	if ix.tables != nil {
		ix.tables.remove(i, old)
		ix.tables.add(i, e)
	}
}

// append adds an entry at the end.
func (ix *Index) append(e Entry) {
	ix.entries = append(ix.entries, e)
	ix.version++
	ix.live++
	ix.noteIndex(e)
	if ix.tables != nil {
		ix.tables.add(int32(len(ix.entries)-1), e)
	}
}
