package layout

import (
	"context"
	"time"

	"github.com/davit-oci/davit/internal/layout/index"
)

// maxBatch and maxBatchTime limit a batch. If the process is killed, the manifests of an unfinished batch are on the disk, but
// index.json does not list them.
const (
	maxBatch     = 1000
	maxBatchTime = 10 * time.Second
)

// batch collects changes of index.json: manifests to list and tags to move. Each edit writes all of index.json, so an edit for
// each of many changes would take quadratic time.
type batch struct {
	on      bool
	changes []index.Change
	base    *snapshot    // the snapshot on which view is based
	view    *index.Index // index.json with the changes applied; nil before the first change, or if index.json was replaced
	since   time.Time    // time of the first change
}

// Batch begins a batch: until Flush or Close, the changes that Push and Tag make to index.json are collected and written together.
func (l *Layout) Batch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch.on = true
}

// Flush ends the batch and writes its changes.
func (l *Layout) Flush(ctx context.Context) error {
	l.mu.Lock()
	l.batch.on = false
	l.mu.Unlock()
	return l.flush(ctx)
}

// flush writes the changes of the batch.
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

// isFull reports whether the batch must be written before its next change. The limit grows with the index, so that the total time
// of all writes is linear in the number of changes.
func (b *batch) isFull() bool {
	n := len(b.changes)
	return n > 0 && (n >= max(maxBatch, b.view.Len()/4) || time.Since(b.since) > maxBatchTime)
}

// deferChange adds a change to the batch. It returns false if no batch has begun.
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

// batchView returns the index to which the next change of the batch is applied.
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

// withBatch returns a copy of a snapshot's index with the changes of the batch applied.
func (l *Layout) withBatch(s *snapshot) (*index.Index, error) {
	l.mu.Lock()
	changes := l.batch.changes
	if l.batch.view != nil && l.batch.base == s {
		defer l.mu.Unlock()
		return l.batch.view.Clone(), nil
	}
	l.batch.view, l.batch.base = nil, nil // outdated; freed before the next view is made, to save memory
	l.mu.Unlock()
	ix := s.index.Clone()
	for _, c := range changes {
		if err := c.Apply(ix); err != nil {
			return nil, err
		}
	}
	return ix, nil
}
