package archive

import (
	"math/bits"
)

// Split cuts the entries of a walk into groups that become an archive each, at places that their names choose, so that
// a file that is changed, added or taken away changes one group, rarely two, whatever its size. Writing the groups, and
// unpacking them in order with any tar, gives the same tree as the whole.
//
// No group is larger than a 67th of the tree, or 8 MiB for trees below 560 MB, unless it is a single file: a file that
// moves from one group to another, which changes both, is a small change as well.
//
// Under Preserve all directories come in a last group: their times change with every file that comes or goes. Hard links
// stand in the group of the file. A tree that is no larger than a group is one. The groups take the place of entries, which
// must not be used any more.
func (t Tree) Split(entries []Entry) [][]Entry {
	return t.groups(entries, largestGroup(entries))
}

// groups cuts with a given largest size.
func (t Tree) groups(entries []Entry, largest int64) [][]Entry {
	s := splitter{largest: largest}
	if totalWeight(entries) <= largest {
		return [][]Entry{entries}
	}
	if !t.Preserve {
		s.runs(entries)
		return s.groups
	}
	files := entries[:0]
	var links, dirs []Entry
	for _, e := range entries {
		switch {
		case e.Mode.IsDir():
			dirs = append(dirs, e)
		case e.HardLink():
			links = append(links, e)
		default:
			files = append(files, e)
		}
	}
	s.runs(files)
	s.attach(links)
	if len(dirs) > 0 {
		s.groups = append(s.groups, dirs)
	}
	return s.groups
}

const (
	// smallestTarget is the largest group of a small tree. Below it the cost of a request outweighs what is saved.
	smallestTarget = 8 << 20
	// largestPerTree makes about 110 groups of a large tree; with more than some 120, images run into the limits of
	// overlay file systems.
	largestPerTree = 67
)

// splitter cuts.
type splitter struct {
	largest int64
	groups  [][]Entry
}

// weight is what an entry takes in a tar.
func weight(e *Entry) int64 {
	if e.HardLink() {
		return blockSize
	}
	return blockSize + e.Size + padding(e.Size)
}

func totalWeight(entries []Entry) int64 {
	var total int64
	for i := range entries {
		total += weight(&entries[i])
	}
	return total
}

// largestGroup is the size that no group exceeds. It follows the size of the tree in steps of an eleventh, so that a small
// change hardly ever changes it, and the steps are not where people's round numbers are.
func largestGroup(entries []Entry) int64 {
	size, total := int64(smallestTarget), totalWeight(entries)
	for total/largestPerTree >= size+size/11 {
		size += size / 11
	}
	return size
}

// runs puts files that are as large as a group alone, and cuts what is between them.
func (s *splitter) runs(entries []Entry) {
	start := 0
	for i := range entries {
		if weight(&entries[i]) < s.largest {
			continue
		}
		s.cut(entries[start:i])
		s.groups = append(s.groups, entries[i:i+1])
		start = i + 1
	}
	s.cut(entries[start:])
}

// cut makes groups of entries. It cuts at the name with the highest priority, and each part again until it is small
// enough. So a cut depends on the names around it and on nothing that is counted from the beginning, and a change
// moves none but those next to it.
func (s *splitter) cut(entries []Entry) {
	if len(entries) == 0 {
		return
	}
	total := totalWeight(entries)
	at := 0
	if total > s.largest {
		if at = best(entries, total, s.largest/4); at == 0 {
			at = best(entries, total, 0)
		}
	}
	if at == 0 {
		s.groups = append(s.groups, entries)
		return
	}
	s.cut(entries[:at])
	s.cut(entries[at:])
}

// best is where to cut: before the entry of the highest priority among those that leave both parts their least size, or 0 if
// none does.
func best(entries []Entry, total, least int64) (at int) {
	var before int64
	var highest uint64
	for i := 1; i < len(entries); i++ {
		before += weight(&entries[i-1])
		if before >= least && total-before >= least {
			if p := priority(entries[i].Name); p >= highest {
				highest, at = p, i
			}
		}
	}
	return at
}

// priority is a number that a name has forever: FNV-1a with its bits mixed, since FNV's high bits are poor.
func priority(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ bits.RotateLeft64(h, 31)
}

// attach appends hard links to the group of the file they belong to.
func (s *splitter) attach(links []Entry) {
	if len(links) == 0 {
		return
	}
	of := make(map[string][]Entry)
	for _, e := range links {
		of[e.Link] = append(of[e.Link], e)
	}
	for i, group := range s.groups {
		var more []Entry
		for _, e := range group {
			more = append(more, of[e.Name]...)
		}
		if more != nil {
			s.groups[i] = append(append([]Entry(nil), group...), more...)
		}
	}
}
