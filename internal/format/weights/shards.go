package weights

import (
	"fmt"
	"strconv"

	"github.com/davit-oci/davit/internal/lazy"
)

// shardName matches the name of a shard: stem, number, count, and extension.
var shardName = lazy.Regexp(`^(.*)-(\d{5})-of-(\d{5})\.(gguf|safetensors)$`)

// Group holds the common parts of the names of a model's shards.
type Group struct {
	Stem  string // the path up to the number; the whole path of a file that is not a shard
	Count int    // 0: not a shard
	Ext   string
}

// name returns the path of a shard.
func (g Group) name(number int) string {
	return fmt.Sprintf("%s-%05d-of-%05d.%s", g.Stem, number, g.Count, g.Ext)
}

// Names lists the paths of all shards, none for a file that is not one. first is the number of the first: 1, or 0 for
// safetensors of some converters.
func (g Group) Names(first int) []string {
	names := make([]string, g.Count)
	for i := range names {
		names[i] = g.name(first + i)
	}
	return names
}

// First returns the number of the first shard of a group: 0 if there is a shard of that number.
func (g Group) First(exists func(string) bool) int {
	if g.Ext == "safetensors" && exists(g.name(0)) {
		return 0
	}
	return 1
}

// ShardOf returns the group that a path belongs to, and its number there, by its name.
func ShardOf(p string) (group Group, number int) {
	m := shardName().FindStringSubmatch(p)
	if m == nil {
		return Group{Stem: p}, 0
	}
	number, _ = strconv.Atoi(m[2])
	count, _ := strconv.Atoi(m[3])
	return Group{m[1], count, m[4]}, number
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
		first := group.First(func(name string) bool { return have[name] })
		if group.Ext != "" && (number < first || number >= first+group.Count) {
			return nil, fmt.Errorf("has the invalid shard number %d of %d", number, group.Count)
		}
		if done[group] {
			continue
		}
		done[group] = true
		for _, name := range group.Names(first) {
			if !have[name] {
				missing = append(missing, name)
			}
		}
	}
	return missing, nil
}
