// Package concurrency makes several requests at once.
package concurrency

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Default is the number of blobs to fetch, or of other requests, at once. Half as many saturate most connections; with more, a blob can
// usually be hashed while others are fetched.
const Default = 8

// Each calls do with each i below n, at most Default at a time, and returns the first error. An error cancels the context of the other calls.
func Each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(Default)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
