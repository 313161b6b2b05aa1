package catalog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/davit-oci/davit/internal/layout/index"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Listing returns the change that adds a stored manifest to an index, unless it is reachable already, and removes the
// manifests that are reachable through it.
func Listing(c *Catalog, desc ocispec.Descriptor, l *Links) index.Change {
	return index.Change{
		Apply: func(ix *index.Index) error {
			there, err := isReached(context.Background(), c, ix, desc.Digest)
			if err != nil || there {
				return err
			}
			ix.Add(ListEntry(desc, l))
			ix.Fold(withoutSubject(c, l.Children))
			return nil
		},
		Holds: func(ix *index.Index) bool {
			there, err := isReached(context.Background(), c, ix, desc.Digest)
			return err != nil || there
		},
	}
}

// withoutSubject leaves referrers out: they are looked for in the index first.
func withoutSubject(c *Catalog, children []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(children), func(d ocispec.Descriptor) bool {
		l, err := LinksOf(c, d)
		return err != nil || l.subject != nil
	})
}

// MaxIndexEdits limits the repetitions of an edit that other writers undo. In each round of n writers at least one succeeds.
const MaxIndexEdits = 200

// EditPause is the time after which a written index is checked again: several times as long as another writer needs
// between reading and writing.
const EditPause = 40 * time.Millisecond

// ErrIndexChanged means that the index is no longer the one that was read.
var ErrIndexChanged = errors.New("changed by another writer")
