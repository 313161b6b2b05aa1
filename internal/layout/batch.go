package layout

import (
	"context"
	"time"

	"github.com/davit-oci/davit/internal/layout/catalog"
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
	changes []catalog.Change
	view    *catalog.Index // index.json with the changes; nil: without changes
	since   time.Time      // the first change
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
	return l.edit(ctx, catalog.Change{
		Apply: func(*catalog.Index) error { return nil },
		Holds: func(*catalog.Index) bool { return true },
	})
}

// deferred adds a change to the batch, if there is one.
func (l *Layout) deferred(ctx context.Context, c catalog.Change) (bool, error) {
	l.mu.Lock()
	n := len(l.batch.changes)
	on, full := l.batch.on, n >= maxBatch || n > 0 && time.Since(l.batch.since) > batchFor
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
	now, err := l.index(ctx)
	if err != nil {
		return true, err
	}
	next := now.Clone()
	if err := c.Apply(next); err != nil {
		return true, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.batch.changes) == 0 {
		l.batch.since = time.Now()
	}
	l.batch.view, l.batch.changes = next, append(l.batch.changes, c)
	return true, nil
}

// withBatch returns a change that makes those of the batch first, and the function to call when it is made.
func (l *Layout) withBatch(c catalog.Change) (catalog.Change, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := append(l.batch.changes[:len(l.batch.changes):len(l.batch.changes)], c)
	return catalog.Change{
			Apply: func(ix *catalog.Index) error {
				for _, c := range all {
					if err := c.Apply(ix); err != nil {
						return err
					}
				}
				return nil
			},
			Holds: func(ix *catalog.Index) bool {
				for _, c := range all {
					if !c.Holds(ix) {
						return false
					}
				}
				return true
			},
		}, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.batch.changes, l.batch.view = nil, nil
		}
}
