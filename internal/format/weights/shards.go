package weights

import (
	"fmt"
	"strconv"

	"github.com/davit-oci/davit/internal/lazy"
)

// shardName matches the name of a shard: stem, number, count, and extension.
var shardName = lazy.Regexp(`^(.*)-(\d{5})-of-(\d{5})\.(gguf|safetensors)$`)

// MissingShards returns the shards that are missing among slash paths, in order.
func MissingShards(paths []string) ([]string, error) {
	have := map[string]bool{}
	for _, p := range paths {
		have[p] = true
	}
	var missing []string
	for _, p := range paths {
		m := shardName().FindStringSubmatch(p)
		if m == nil {
			continue
		}
		count, _ := strconv.Atoi(m[3])
		if number, _ := strconv.Atoi(m[2]); number < 1 || number > count {
			return nil, fmt.Errorf("%q: invalid shard number %s of %s", p, m[2], m[3])
		}
		for i := 1; i <= count; i++ {
			name := fmt.Sprintf("%s-%05d-of-%s.%s", m[1], i, m[3], m[4])
			if !have[name] {
				have[name] = true // report each once
				missing = append(missing, name)
			}
		}
	}
	return missing, nil
}
