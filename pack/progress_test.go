package pack_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content/memory"
)

// TestPushIDs checks that the events of each blob have an ID of their own, also if layers have the same title or path.
func TestPushIDs(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		for _, name := range []string{"", "a"} {
			plan := &artifact.Plan{Kind: mediatypes.Kind{Name: "thing"}, ArtifactType: "application/vnd.example.thing"}
			paths := []string{".", ".", ".#2", ".#2", ".", "."}
			for i := range n {
				plan.Layers = append(plan.Layers, artifact.Layer{
					Path: paths[i], Title: name, Content: fmt.Appendf(nil, "%s %d", name, i), MediaType: "text/plain", Packing: mediatypes.Raw, Size: int64(len(name) + 2),
				})
			}
			var mu sync.Mutex
			ids := make(map[string]digest.Digest)
			report := artifact.ProgressFunc(func(e artifact.Event) {
				mu.Lock()
				defer mu.Unlock()
				if d := ids[e.ID]; d != "" && d != e.Descriptor.Digest {
					t.Errorf("%d layers %q: ID %s of %s and %s", n, name, e.ID, d, e.Descriptor.Digest)
				}
				ids[e.ID] = e.Descriptor.Digest
			})
			_, err := pack.Push(t.Context(), fstest.MapFS{}, plan, memory.New(), pack.PushOptions{Options: pack.Options{Progress: report}})
			if err != nil {
				t.Fatal(err)
			}
			if len(ids) < n {
				t.Errorf("%d layers %q: got the IDs %v", n, name, ids)
			}
		}
	}
}
