package index

import (
	"slices"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/opencontainers/go-digest"
)

// fewLookups is the number of searches after which tables are made. The tables take three times the memory of the entries.
const fewLookups = 64

// tables holds the positions of entries, in ascending order.
type tables struct {
	names   map[string][]int32        // by each key of an entry
	digests map[digest.Digest][]int32 // by digest
	unnamed map[digest.Digest][]int32 // by digest, only entries without names
}

// lookup returns the tables, or nil if the entries must be searched.
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
	if !e.IsNamed() {
		insert(t.unnamed, e.Digest, i)
	}
}

// remove removes an entry at a position from the tables.
func (t *tables) remove(i int32, e Entry) {
	for _, key := range e.keys() {
		drop(t.names, key, i)
	}
	drop(t.digests, e.Digest, i)
	drop(t.unnamed, e.Digest, i)
}

// insert adds a position to the list of a key.
func insert[K comparable](m map[K][]int32, key K, i int32) {
	list := m[key]
	if n := len(list); n == 0 || list[n-1] < i {
		m[key] = append(list, i)
		return
	}
	at, _ := slices.BinarySearch(list, i)
	list = append(list, i)
	copy(list[at+1:], list[at:])
	list[at] = i
	m[key] = list
}

// drop removes a position from the list of a key.
func drop[K comparable](m map[K][]int32, key K, i int32) {
	list := m[key]
	at, found := slices.BinarySearch(list, i)
	switch {
	case !found:
	case len(list) == 1:
		delete(m, key)
	case at == 0: // takes constant time; long lists are usually dropped from the beginning
		m[key] = list[1:]
	default:
		m[key] = slices.Delete(list, at, at+1)
	}
}

// candidates returns the positions of the entries that have one of the names as a key.
func (ix *Index) candidates(names ...string) []int32 {
	var found []int32
	if t := ix.lookup(); t != nil {
		for _, name := range names {
			found = append(found, t.names[name]...)
		}
		return lists.SortUnique(found)
	}
	for i, e := range ix.entries {
		if slices.ContainsFunc(names, e.hasName) {
			found = append(found, int32(i))
		}
	}
	return found
}

// entriesOf returns the positions of the entries of a manifest, or of all entries if d is empty.
func (ix *Index) entriesOf(d digest.Digest) []int32 {
	if t := ix.lookup(); t != nil && d != "" {
		return slices.Clone(t.digests[d])
	}
	return ix.search(func(e Entry) bool { return e.Digest == d || d == "" })
}

// firstOf returns the position of the first entry of a manifest, or -1 if it is not listed.
func (ix *Index) firstOf(d digest.Digest) int {
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
	return ix.search(func(e Entry) bool { return e.Digest == d && !e.IsNamed() })
}

// search returns the positions of the entries that match.
func (ix *Index) search(matches func(Entry) bool) (found []int32) {
	for i, e := range ix.entries {
		if e.Digest != "" && matches(e) {
			found = append(found, int32(i))
		}
	}
	return found
}

// set replaces the entry at a position. An entry without a digest removes it.
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
	ix.recordIndex(e)
	if ix.tables != nil {
		ix.tables.add(int32(len(ix.entries)-1), e)
	}
}
