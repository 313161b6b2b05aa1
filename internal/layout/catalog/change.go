package catalog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/lists"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Listing returns the change that adds a stored manifest to an index, unless it is reachable from the index already. The change
// also removes untagged entries that are reachable through the manifest.
func Listing(c *Catalog, desc ocispec.Descriptor, l *Links) index.Change {
	return index.Change{
		Apply: func(ix *index.Index) error {
			reached, err := isReached(context.Background(), c, ix, desc.Digest)
			if err != nil || reached {
				return err
			}
			ix.Add(ListEntry(desc, l))
			ix.Fold(withoutSubject(c, l.Children))
			return nil
		},
		Holds: func(ix *index.Index) bool {
			reached, err := isReached(context.Background(), c, ix, desc.Digest)
			return err != nil || reached
		},
	}
}

// withoutSubject returns the children that are known not to be referrers. Referrers keep their entries, because clients look for them in the
// index.
func withoutSubject(c *Catalog, children []ocispec.Descriptor) []ocispec.Descriptor {
	return lists.Delete(slices.Clone(children), func(d ocispec.Descriptor) bool {
		l, err := LinksOf(c, d)
		return err != nil || l.subject != nil
	})
}

// MaxIndexEdits limits how often an edit is repeated because other writers undo it. At least one of the writers succeeds in each
// round.
const MaxIndexEdits = 200

// EditPause is the time after which a written index is checked again. It is several times as long as another writer needs between
// reading the index and writing it.
const EditPause = 40 * time.Millisecond

// ErrIndexChanged reports that another writer has changed the index since it was read.
var ErrIndexChanged = errors.New("changed by another writer")
