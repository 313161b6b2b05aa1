package fetch

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Concurrently calls do with each i below n, at most DefaultConcurrency at a time, and returns the first error. The context of
// the other calls is canceled then.
func Concurrently(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(DefaultConcurrency)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
