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
	Stem  string // the path up to the number; the whole path of a file that is not a shard
	Count int    // 0: not a shard
	Ext   string
	Width [2]int // digits of the number and of the count
}

// name returns the path of a shard.
func (g Group) name(number int) string {
	return fmt.Sprintf("%s-%0*d-of-%0*d.%s", g.Stem, g.Width[0], number, g.Width[1], g.Count, g.Ext)
}

// Names lists the paths of all shards, none for a file that is not one. They are numbered from 1. Some converters of
// safetensors number them from 0, up to the count or to the number before it.
func (g Group) Names(exists func(string) bool) []string {
	if g.Count == 0 {
		return nil
	}
	first, last := 1, g.Count
	if g.Ext == "safetensors" && exists(g.name(0)) {
		first = 0
		if !exists(g.name(g.Count)) {
			last--
		}
	}
	var names []string
	for n := first; n <= last; n++ {
		names = append(names, g.name(n))
	}
	return names
}

// ShardOf returns the group that a path belongs to, and its number there, by its name.
func ShardOf(p string) (group Group, number int) {
	m := shardName().FindStringSubmatch(p)
	if m == nil {
		return Group{Stem: p}, 0
	}
	number, _ = strconv.Atoi(m[2])
	count, _ := strconv.Atoi(m[3])
	return Group{m[1], count, m[4], [2]int{len(m[2]), len(m[3])}}, number
}

// MissingShards returns the shards that are missing among slash paths, in order.
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
