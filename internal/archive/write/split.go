package write

import (
	"math/bits"

	"github.com/davit-oci/davit/internal/archive"
)

// Split cuts the entries of a walk into groups, each of which becomes an archive. Names determine the cuts, so that changing,
// adding, or removing a file of any size changes one group, rarely two. Unpacking the groups in order with any tar results in
// the same tree as a single archive.
//
// No group is larger than a 67th of the tree, or 1 MiB for trees below 70 MB, unless it is a single file. So a file that
// moves from one group to another, which changes both, is a small change, too.
//
// With Preserve, the last group has all directories, since their times change with every added or removed file. Hard
// links are in the group of their file. A tree of at most 8 MiB is one group. The groups reuse the memory of entries,
// which must not be used any more.
func (t Tree) Split(entries []Entry) [][]Entry {
	if totalWeight(entries) <= smallestTree {
		return [][]Entry{entries}
	}
	return t.SplitBySize(entries, largestGroup(entries))
}

// SplitBySize is like Split, but with a given limit on the size of a group.
func (t Tree) SplitBySize(entries []Entry, largest int64) [][]Entry {
	s := splitter{largest: largest}
	if totalWeight(entries) <= largest {
		return [][]Entry{entries}
	}
	if !t.Preserve {
		s.splitRuns(entries)
		return s.groups
	}
	files := entries[:0]
	var links, dirs []Entry
	for _, e := range entries {
		switch {
		case e.Mode.IsDir():
			dirs = append(dirs, e)
		case e.IsHardLink():
			links = append(links, e)
		default:
			files = append(files, e)
		}
	}
	s.splitRuns(files)
	s.attach(links)
	if len(dirs) > 0 {
		s.groups = append(s.groups, dirs)
	}
	return s.groups
}

const (
	// smallestTree is the size, in bytes, up to which a tree is not cut: sending all of it costs little.
	smallestTree = 8 << 20
	// smallestTarget is the minimum size limit of a group, in bytes. With a lower limit, requests would cost more than they save.
	smallestTarget = 1 << 20
	// largestPerTree is the ratio of the tree to the size limit. It cuts a large tree into about 110 groups. With more than
	// about 120, images exceed the limits of overlay file systems.
	largestPerTree = 67
)

// splitter collects the groups of a Split.
type splitter struct {
	largest int64
	groups  [][]Entry
}

// weight returns the size of an entry in a tar.
func weight(e *Entry) int64 {
	if e.IsHardLink() {
		return archive.BlockSize
	}
	return archive.BlockSize + e.Size + archive.Padding(e.Size)
}

func totalWeight(entries []Entry) int64 {
	var total int64
	for i := range entries {
		total += weight(&entries[i])
	}
	return total
}

// largestGroup returns the size limit of a group. It grows with the tree in steps of an eleventh, so that a small change
// rarely changes it; the steps are not at round numbers, which are common. They start at 8 MiB and go both ways, so that large
// trees have the same groups as when 8 MiB was the lowest limit.
func largestGroup(entries []Entry) int64 {
	size, each := int64(smallestTree), totalWeight(entries)/largestPerTree
	for each >= size+size/11 {
		size += size / 11
	}
	for size > smallestTarget && each < size {
		size -= size / 12
	}
	return max(size, smallestTarget)
}

// splitRuns puts each file that is at least as large as a group in a separate group, and cuts the entries between such files.
func (s *splitter) splitRuns(entries []Entry) {
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

// cut cuts entries at the name with the highest priority, and each part again until it is small enough. So a cut depends
// only on the names around it, not on their distance from the beginning, and a change only moves adjacent cuts.
func (s *splitter) cut(entries []Entry) {
	if len(entries) == 0 {
		return
	}
	total := totalWeight(entries)
	at := 0
	if total > s.largest {
		if at = bestCut(entries, total, s.largest/4); at == 0 {
			at = bestCut(entries, total, 0)
		}
	}
	if at == 0 {
		s.groups = append(s.groups, entries)
		return
	}
	s.cut(entries[:at])
	s.cut(entries[at:])
}

// bestCut returns the index to cut before: that of the entry with the highest priority among those that leave both parts at
// least the given size, or 0 if there is no such entry.
func bestCut(entries []Entry, total, least int64) (at int) {
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

// priority returns a number that depends only on the name: FNV-1a with its bits mixed, since FNV's high bits are poor.
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

// attach appends hard links to the group of their file.
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
