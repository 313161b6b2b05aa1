package referrers

import (
	"context"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// batch has pushed manifests that are not in the referrers list of their subjects yet. Each edit writes the whole list, and
// waits whether another writer undoes it.
type batch struct {
	mu      sync.Mutex
	on      bool
	order   []digest.Digest // of the subjects
	entries map[digest.Digest][]ocispec.Descriptor
}

// Batch makes Add put entries into the lists of the tag schema together, with the next Flush.
func (r *Lister) Batch() {
	r.batch.mu.Lock()
	defer r.batch.mu.Unlock()
	r.batch.on, r.batch.entries = true, map[digest.Digest][]ocispec.Descriptor{}
}

// Flush ends the batch, and puts its entries into the lists.
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

// deferEntry adds an entry to the batch, if there is one.
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

// addAll puts entries into the list of a subject's referrers, unless they are in it.
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
