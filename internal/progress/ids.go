// Package progress changes the events of transfers on their way to the caller.
package progress

import (
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
)

// DistinctIDs returns a Progress that passes events on. If several blobs have the same ID, such as layers with the same title, it replaces
// the IDs of all but the first by their digests. The digests must be known.
func DistinctIDs(to artifact.Progress) artifact.Progress {
	if to == nil {
		return nil
	}
	var mu sync.Mutex
	first := make(map[string]digest.Digest)
	return artifact.ProgressFunc(func(e artifact.Event) {
		mu.Lock()
		d, ok := first[e.ID]
		if !ok {
			first[e.ID] = e.Descriptor.Digest
		} else if d != e.Descriptor.Digest {
			e.ID = e.Descriptor.Digest.String()
		}
		mu.Unlock()
		to.Report(e)
	})
}
