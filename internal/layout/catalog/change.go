package catalog

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Change is an edit of an index that can be made again on a newer one.
type Change struct {
	Apply func(*Index) error
	// Holds tells whether the index, which others may have changed since, still has what apply did to it.
	Holds func(*Index) bool
}

// Listing puts a stored manifest into an index, unless it is reached already, and takes out what is reached through it.
func Listing(c *Catalog, desc ocispec.Descriptor, l *Links) Change {
	return Change{
		Apply: func(ix *Index) error {
			there, err := isReached(context.Background(), c, ix, desc.Digest)
			if err != nil || there {
				return err
			}
			ix.Add(ListEntry(desc, l))
			ix.fold(withoutSubject(c, l.Children))
			return nil
		},
		Holds: func(ix *Index) bool {
			there, err := isReached(context.Background(), c, ix, desc.Digest)
			return err != nil || there
		},
	}
}

// withoutSubject leaves referrers out: they are looked for in the index first.
func withoutSubject(c *Catalog, children []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(children), func(d ocispec.Descriptor) bool {
		l, err := LinksOf(c, d)
		return err != nil || l.subject != ""
	})
}

// Tagging moves a tag. Where two processes move one tag, either may win.
func Tagging(entry ocispec.Descriptor, tag string) Change {
	return Change{
		Apply: func(ix *Index) error { ix.tag(entry, tag); return nil },
		Holds: func(ix *Index) bool { _, err := ix.Find(tag); return err == nil },
	}
}

// Untagging removes a tag that is there.
func Untagging(tag string) Change {
	var was digest.Digest
	return Change{
		Apply: func(ix *Index) error {
			e, err := ix.Find(tag)
			if err != nil {
				return err
			}
			was = e.Digest
			return ix.untag(tag)
		},
		Holds: func(ix *Index) bool { // another writer may have set it anew
			e, err := ix.Find(tag)
			return err != nil || e.Digest != was
		},
	}
}

// Removal takes a manifest out of the index.
func Removal(d digest.Digest) Change {
	return Change{
		Apply: func(ix *Index) error { ix.remove(d); return nil },
		Holds: func(ix *Index) bool { _, ok := ix.Lists(d); return !ok },
	}
}

func ReadIndexFrom(r io.Reader, name string, size int64) (*Index, error) {
	if size > MaxIndex {
		return nil, artifact.Refused(name, "it has %d bytes; %d are allowed", size, MaxIndex)
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxIndex))
	if err != nil {
		return nil, err
	}
	ix, err := parseIndex(data)
	if err != nil {
		return nil, artifact.Refused(name, "it can't be read: %w", err)
	}
	return ix, nil
}

// MaxIndexEdits bounds how often an edit is repeated that other writers undo. Each round of n writers settles at least
// one of them.
const MaxIndexEdits = 200

// EditPause is the time after which a written index is looked at again: several times what another writer needs between
// reading and writing.
const EditPause = 40 * time.Millisecond

// ErrIndexChanged means that the index is no longer the one that was read.
var ErrIndexChanged = errors.New("changed by another writer")
