package weights

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/davit-oci/davit/internal/lazy"
)

// shardName matches the name of a shard: stem, number, count, and extension.
var shardName = lazy.Regexp(`^(.*)-(\d{5,6})-of-(\d{5,6})\.(gguf|safetensors|bin)$`)

// Group holds the common parts of the names of a model's shards.
type Group struct {
	Stem  string // the path up to the number; the complete path of a file that is not a shard
	Count int    // the number of shards; 0 for a file that is not a shard
	Ext   string
	Width [2]int // the numbers of digits of the shard number and of the count
}

// nameOf returns the path of the shard with a number.
func (g Group) nameOf(number int) string {
	return fmt.Sprintf("%s-%0*d-of-%0*d.%s", g.Stem, g.Width[0], number, g.Width[1], g.Count, g.Ext)
}

// Names returns the paths of all shards, or nil if the group is a file that is not a shard. Shards are numbered from 1, but some
// converters of safetensors number them from 0 to the count or to the count minus 1. exists, which reports whether a path
// exists, decides between these cases.
func (g Group) Names(exists func(string) bool) []string {
	if g.Count == 0 {
		return nil
	}
	first, last := 1, g.Count
	if g.Ext == "safetensors" && exists(g.nameOf(0)) {
		first = 0
		if !exists(g.nameOf(g.Count)) {
			last--
		}
	}
	var names []string
	for n := first; n <= last; n++ {
		names = append(names, g.nameOf(n))
	}
	return names
}

// ShardOf returns the group of a path, by its name, and the number of the shard. The number is 0 for a file that is not a shard.
func ShardOf(p string) (group Group, number int) {
	m := shardName().FindStringSubmatch(p)
	if m == nil {
		return Group{Stem: p}, 0
	}
	number, _ = strconv.Atoi(m[2])
	count, _ := strconv.Atoi(m[3])
	return Group{m[1], count, m[4], [2]int{len(m[2]), len(m[3])}}, number
}

// MissingShards returns the paths of the shards that are missing from a list of slash-separated paths. It fails if a shard number
// is out of range.
func MissingShards(paths []string) ([]string, error) {
	have := map[string]bool{}
	for _, p := range paths {
		have[p] = true
	}
	var missing []string
	done := map[Group]bool{}
	for _, p := range paths {
		group, number := ShardOf(p)
		names := group.Names(func(name string) bool { return have[name] })
		if group.Count > 0 && !slices.Contains(names, p) {
			return nil, fmt.Errorf("has the invalid shard number %d of %d", number, group.Count)
		}
		if done[group] {
			continue
		}
		done[group] = true
		for _, name := range names {
			if !have[name] {
				missing = append(missing, name)
			}
		}
	}
	return missing, nil
}
