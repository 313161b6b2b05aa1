package layout

import (
	"context"
	"time"

	"github.com/davit-oci/davit/internal/layout/index"
)

// maxBatch and batchFor limit the changes that one edit makes: so many are lost from the list, though not from the disk, if the
// process is killed before it.
const (
	maxBatch = 1000
	batchFor = 10 * time.Second
)

// batch are manifests that are stored and not listed in index.json yet, and tags. An edit writes all of index.json, so that one for
// each of many would take quadratic time.
type batch struct {
	on      bool
	changes []index.Change
	base    *snapshot    // what view was made of
	view    *index.Index // index.json with the changes, which one at a time is added to; nil: without changes
	since   time.Time    // the first change
}

// Batch makes Push list manifests, and Tag move tags, together with others: at the latest with Flush or Close.
func (l *Layout) Batch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch.on = true
}

// Flush ends the batch: it lists the manifests that were pushed since Batch, and moves the tags.
func (l *Layout) Flush(ctx context.Context) error {
	l.mu.Lock()
	l.batch.on = false
	l.mu.Unlock()
	return l.flush(ctx)
}

// flush makes the changes of the batch.
func (l *Layout) flush(ctx context.Context) error {
	l.mu.Lock()
	n := len(l.batch.changes)
	l.mu.Unlock()
	if n == 0 {
		return nil
	}
	return l.edit(ctx, index.Change{
		Apply: func(*index.Index) error { return nil },
		Holds: func(*index.Index) bool { return true },
	})
}

// isFull reports whether a batch must be written before its next change. The limit grows with the index, so that all of its writes
// together take a time that is linear in the number of changes.
func (b *batch) isFull() bool {
	n := len(b.changes)
	return n > 0 && (n >= max(maxBatch, b.view.Len()/4) || time.Since(b.since) > batchFor)
}

// deferChange adds a change to the batch, if there is one.
func (l *Layout) deferChange(ctx context.Context, c index.Change) (bool, error) {
	l.mu.Lock()
	on, full := l.batch.on, l.batch.view != nil && l.batch.isFull()
	l.mu.Unlock()
	if !on {
		return false, nil
	}
	if full {
		if err := l.flush(ctx); err != nil {
			return true, err
		}
	}
	l.editing.Lock() // one change at a time
	defer l.editing.Unlock()
	view, err := l.batchView(ctx)
	if err != nil {
		return true, err
	}
	l.viewing.Lock()
	err = c.Apply(view)
	l.viewing.Unlock()
	if err != nil {
		return true, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.batch.changes) == 0 {
		l.batch.since = time.Now()
	}
	l.batch.changes = append(l.batch.changes, c)
	return true, nil
}

// batchView returns the index that changes of the batch are added to.
func (l *Layout) batchView(ctx context.Context) (*index.Index, error) {
	l.mu.Lock()
	view := l.batch.view
	l.mu.Unlock()
	if view != nil {
		return view, nil
	}
	base, err := l.readSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	if view, err = l.withBatch(base); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch.base, l.batch.view = base, view
	return view, nil
}

// withBatch returns a copy of the index of a snapshot with the changes of the batch.
func (l *Layout) withBatch(s *snapshot) (*index.Index, error) {
	l.mu.Lock()
	changes := l.batch.changes
	if l.batch.view != nil && l.batch.base == s {
		defer l.mu.Unlock()
		return l.batch.view.Clone(), nil
	}
	l.batch.view, l.batch.base = nil, nil // others have written; two of them would take twice the memory
	l.mu.Unlock()
	ix := s.index.Clone()
	for _, c := range changes {
		if err := c.Apply(ix); err != nil {
			return nil, err
		}
	}
	return ix, nil
}
