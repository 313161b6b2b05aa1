package referrers

import (
	"context"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// batch holds pushed manifests that are not in the referrers lists of their subjects yet. They are added together, because each
// edit writes the whole list and waits to see whether another writer overwrites it.
type batch struct {
	mu      sync.Mutex
	on      bool
	order   []digest.Digest                        // the subjects, in order of their first entry
	entries map[digest.Digest][]ocispec.Descriptor // by subject
}

// Batch makes Add leave changes of lists of the tag schema to the next Flush.
func (r *Lister) Batch() {
	r.batch.mu.Lock()
	defer r.batch.mu.Unlock()
	r.batch.on, r.batch.entries = true, map[digest.Digest][]ocispec.Descriptor{}
}

// Flush ends the batch, and adds its entries to the lists.
func (r *Lister) Flush(ctx context.Context) error {
	r.batch.mu.Lock()
	order, entries := r.batch.order, r.batch.entries
	r.batch.on, r.batch.order, r.batch.entries = false, nil, nil
	r.batch.mu.Unlock()
	ctx = r.API.WithScope(ctx)
	for _, subject := range order {
		if err := r.addAll(ctx, subject, entries[subject]); err != nil {
			return err
		}
	}
	return nil
}

// deferEntry adds an entry to the batch, and reports whether it did. It returns false if there is no batch.
func (r *Lister) deferEntry(subject digest.Digest, entry ocispec.Descriptor) bool {
	r.batch.mu.Lock()
	defer r.batch.mu.Unlock()
	if !r.batch.on {
		return false
	}
	if r.batch.entries[subject] == nil {
		r.batch.order = append(r.batch.order, subject)
	}
	r.batch.entries[subject] = append(r.batch.entries[subject], entry)
	return true
}

// addAll adds entries to the list of a subject's referrers, except those that it already contains.
func (r *Lister) addAll(ctx context.Context, subject digest.Digest, entries []ocispec.Descriptor) error {
	_, err := r.editList(ctx, subject, func(list []ocispec.Descriptor) ([]ocispec.Descriptor, bool) {
		listed := map[digest.Digest]bool{}
		for _, d := range list {
			listed[d.Digest] = true
		}
		changed := false
		for _, entry := range entries {
			if !listed[entry.Digest] {
				list, changed, listed[entry.Digest] = append(list, entry), true, true
			}
		}
		return list, changed
	})
	return err
}
