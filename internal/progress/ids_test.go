package progress_test

import (
	"math/rand/v2"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/progress"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestDistinctIDs sends events of random blobs with few titles, and checks that each blob has one ID and each ID one blob.
func TestDistinctIDs(t *testing.T) {
	t.Parallel()
	if progress.DistinctIDs(nil) != nil {
		t.Error("nil: got a Progress")
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		blobs, ids := make(map[string]digest.Digest), make(map[digest.Digest]string)
		events := progress.DistinctIDs(artifact.ProgressFunc(func(e artifact.Event) {
			d := e.Descriptor.Digest
			if b, ok := blobs[e.ID]; ok && b != d {
				t.Errorf("ID %s of %s and %s", e.ID, b, d)
			}
			if id, ok := ids[d]; ok && id != e.ID {
				t.Errorf("IDs %s and %s of %s", id, e.ID, d)
			}
			blobs[e.ID], ids[d] = d, e.ID
		}))
		for range 50 {
			n := r.IntN(6)
			d := digest.FromString(string(rune('a' + n)))
			events.Report(artifact.Event{ID: []string{".", "a"}[n%2], Descriptor: ocispec.Descriptor{Digest: d}})
		}
	}
}
