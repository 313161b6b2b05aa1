package download

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/remote/transport"
)

// testSlots implements slots with a fixed number of free slots.
type testSlots struct{ free, released atomic.Int32 }

// TrySlot takes a free slot.
func (s *testSlots) TrySlot() bool { return s.free.Add(-1) >= 0 }

// ReleaseSlot counts the released slots.
func (s *testSlots) ReleaseSlot() { s.released.Add(1) }

// newPool returns a pool for a blob of size bytes. Its workers call fetch.
func newPool(t *testing.T, size int64, fetch func(p *pool, part span) error) (*pool, *testSlots) {
	t.Helper()
	c, _ := emptyCoverage(t, size, nil)
	slots := &testSlots{}
	p := &pool{coverage: c, slots: slots, retrier: new(transport.Transport).NewRetrier(new(transport.HostLimiter), "")}
	p.fetch = func(_ context.Context, part span) error {
		defer c.release(part)
		return fetch(p, part)
	}
	return p, slots
}

// finish adds a part to the coverage, like a worker that fetched it.
func finish(p *pool, part span) {
	grown, complete := p.coverage.add(part.From, part.To)
	p.recordProgress(grown, complete)
}

// TestParts checks the lengths of the parts that a single worker fetches.
func TestParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size        int64
		whole       bool
		first, last int64 // lengths
	}{
		{1, false, 1, 1},
		{wholeBelow, false, wholeBelow, wholeBelow},
		{wholeBelow + 1, false, minPart, 1},
		{160 << 20, false, 10 << 20, minPart},
		{4 << 30, false, maxPart, minPart},
		{160 << 20, true, 160 << 20, 160 << 20},
	} {
		var got []int64
		p, _ := newPool(t, c.size, func(p *pool, part span) error {
			got = append(got, part.To-part.From)
			finish(p, part)
			return nil
		})
		p.whole = c.whole
		if err := p.run(t.Context()); err != nil || p.coverage.missing() != 0 || p.active != 0 {
			t.Errorf("%d bytes: got %d missing bytes, %d active workers, %v, want none", c.size, p.coverage.missing(), p.active, err)
		}
		if got[0] != c.first || got[len(got)-1] > c.last {
			t.Errorf("%d bytes: got %d in the first part and %d in the last, want %d and at most %d", c.size, got[0], got[len(got)-1], c.first, c.last)
		}
	}
}

// trickle adds one byte of a part every millisecond until the channel is closed, so that adapt can measure a rate.
func trickle(p *pool, part span, until <-chan struct{}) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for at := part.From; at < part.To; at++ {
		finish(p, span{at, at + 1})
		select {
		case <-until:
			return
		case <-ticker.C:
		}
	}
}

// TestRetire checks that only an additional worker ends if it fails, and that its part is still fetched.
func TestRetire(t *testing.T) {
	t.Parallel()
	refused := errors.New("too many connections")
	failed := make(chan struct{}) // closed when an additional worker has failed
	var once sync.Once
	var calls atomic.Int32
	p, slots := newPool(t, 64<<20, func(p *pool, part span) error {
		if calls.Add(1) > 1 { // every worker but the first, which waits
			select {
			case <-failed:
			default:
				once.Do(func() { close(failed) })
				return refused
			}
		} else {
			trickle(p, part, failed)
		}
		finish(p, part)
		return nil
	})
	slots.free.Store(1)
	if err := p.run(t.Context()); err != nil || p.coverage.missing() != 0 {
		t.Errorf("got %d missing bytes, %v, want none", p.coverage.missing(), err)
	}
	if n := slots.released.Load(); n != 1 || p.limit != 1 {
		t.Errorf("got %d released connections, a limit of %d workers, want 1 and 1", n, p.limit)
	}
}

// TestNoRanges checks that the pool requests the whole blob after a registry ignored a range.
func TestNoRanges(t *testing.T) {
	t.Parallel()
	var got []span
	p, _ := newPool(t, 64<<20, func(p *pool, part span) error {
		if got = append(got, part); len(got) == 1 {
			return errNoRanges
		}
		finish(p, part)
		return nil
	})
	if err := p.run(t.Context()); err != nil || p.hasRanges() {
		t.Errorf("got ranges %v, %v, want false", p.hasRanges(), err)
	}
	if len(got) != 2 || got[1] != (span{0, 64 << 20}) {
		t.Errorf("got requests for %v, want the whole blob in the second", got)
	}
}

// TestPermanentFailure checks that the first worker does not repeat a request that can't succeed.
func TestPermanentFailure(t *testing.T) {
	t.Parallel()
	calls := 0
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/v2/a/blobs/b", nil)
	if err != nil {
		t.Fatal(err)
	}
	forbidden := transport.ResponseError(&http.Response{StatusCode: http.StatusForbidden, Request: req, Body: http.NoBody})
	p, _ := newPool(t, 1000, func(*pool, span) error {
		calls++
		return forbidden
	})
	if err := p.run(t.Context()); !errors.Is(err, forbidden) || calls != 1 {
		t.Errorf("got %d requests, %v, want one, %v", calls, err, forbidden)
	}
}

func TestCountToAdd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		workers int
		rate    float64
		want    int
	}{{1, slow - 1, 3}, {1, slow, 1}, {4, 1, 4}, {2, slow * 2, 2}} {
		if got := countToAdd(c.workers, c.rate); got != c.want {
			t.Errorf("%d workers at %.0f bytes per second: got %d, want %d", c.workers, c.rate, got, c.want)
		}
	}
}
