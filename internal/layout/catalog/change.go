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

// Change is an edit of an index that can be repeated on a newer one.
type Change struct {
	Apply func(*Index) error
	// Holds reports whether the index, which others may have changed since, still has the change.
	Holds func(*Index) bool
}

// Listing adds a stored manifest to an index, unless it is reached already, and removes the manifests reached through
// it.
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
		return err != nil || l.subject != nil
	})
}

// Tagging moves a tag. Where two processes move one tag, either may win.
func Tagging(entry ocispec.Descriptor, tag string) Change {
	return Change{
		Apply: func(ix *Index) error { ix.tag(entry, tag); return nil },
		Holds: func(ix *Index) bool { return ix.count(tag) > 0 },
	}
}

// Untagging removes an existing tag.
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
		Holds: func(ix *Index) bool { // another writer may have set the tag again
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
	if size > maxIndex {
		return nil, artifact.Refused(name, "it has %d bytes; %d are allowed", size, maxIndex)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxIndex))
	if err != nil {
		return nil, err
	}
	ix, err := parseIndex(data)
	if err != nil {
		return nil, artifact.Refused(name, "it can't be read: %w", err)
	}
	return ix, nil
}

// MaxIndexEdits limits how often an edit that other writers undo is repeated. In each round of n writers at least one
// succeeds.
const MaxIndexEdits = 200

// EditPause is the time after which a written index is checked again: several times as long as another writer needs
// between reading and writing.
const EditPause = 40 * time.Millisecond

// ErrIndexChanged means that the index is no longer the one that was read.
var ErrIndexChanged = errors.New("changed by another writer")
