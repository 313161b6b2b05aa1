// Package concurrency makes several requests at once.
package concurrency

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Default is the number of blobs that are fetched, or of other requests, at once. Half as many saturate most lines; with more,
// usually another blob can be hashed meanwhile.
const Default = 8

// Each calls do with each i below n, at most Default at a time, and returns the first error. The context of the other calls is
// canceled then.
func Each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(Default)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
