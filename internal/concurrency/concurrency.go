// Package concurrency makes several requests at once.
package concurrency

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Default is the number of blobs that are fetched at once, and of other concurrent requests. Half as many saturate most networks;
// with more, another blob can usually be hashed meanwhile.
const Default = 8

// Each calls do with each i from 0 to n-1, at most Default at a time, and returns the first error, which cancels the context of the
// other calls.
func Each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(Default)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
