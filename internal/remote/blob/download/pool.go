package download

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/remote/transport"
	"golang.org/x/sync/errgroup"
)

const (
	// wholeBelow is the maximum size of a blob that one request fetches. The download of such a blob would end soon after a second
	// connection was open.
	wholeBelow = 16 << 20
	// A part is one sixteenth of the missing bytes, so that all connections end at about the same time. It is at least minPart
	// bytes long, to hide the round trip, and at most maxPart, so that losing one costs little.
	minPart, maxPart = 4 << 20, 64 << 20
	// sampleFor is the time for which a rate is measured before workers are added or removed.
	sampleFor = 120 * time.Millisecond
	// fastEnough is the rate, in bytes per second, above which another connection can't help: hashing one stream is not much
	// faster, and a registry on the same machine needs the cores.
	fastEnough = 400 << 20
	// slow is the rate of one connection, in bytes per second, below which three workers are added at once.
	slow = 50 << 20
	// growth is the factor by which additional workers must raise the rate to be kept.
	growth = 1.25
)

// slots limits the additional connections of all downloads. The first connection of a download needs no slot.
type slots interface {
	TrySlot() bool
	ReleaseSlot()
}

// pool runs the workers of one download. It adds workers as long as they raise the rate.
type pool struct {
	coverage *coverage
	slots    slots
	fetch    func(ctx context.Context, part span) error

	group    *errgroup.Group
	endAdapt func()        // stops adapt
	latency  time.Duration // time until the first byte arrived; used by sample

	mu      sync.Mutex
	retrier *transport.Retrier
	active  int  // number of workers
	limit   int  // number of workers wanted
	fixed   bool // adapt has ended: no workers are added
	whole   bool // one request fetches the whole blob, because the registry does not support ranges
}

// run runs workers until the blob is complete or one of them fails.
func (p *pool) run(ctx context.Context) error {
	missing := p.coverage.missing()
	if missing == 0 {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, p.coverage.end)
	defer stop()
	adapting, endAdapt := context.WithCancel(ctx)
	defer endAdapt()
	p.group, p.endAdapt, p.limit = group, endAdapt, 1
	p.start(ctx)
	if missing > wholeBelow {
		group.Go(func() error { p.adapt(ctx, adapting); return nil })
	}
	return group.Wait()
}

// start adds a worker.
func (p *pool) start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active++
	first := p.active == 1
	p.group.Go(func() error { return p.work(ctx, first) })
}

// work fetches parts until none are left, or until there are more workers than wanted. The first worker stays until the blob is
// complete.
func (p *pool) work(ctx context.Context, first bool) error {
	if !first {
		defer p.slots.ReleaseSlot()
	}
	for {
		part, ok := p.claim(first)
		if !ok {
			return nil
		}
		err := p.fetch(ctx, part)
		var broken *brokenBody
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errNoRanges):
			p.giveUpRanges()
		case !first && !errors.As(err, &broken) && !transport.IsLocal(err):
			p.retire() // the registry or a proxy does not accept as many connections
			return nil
		default:
			if err := p.pause(ctx, err); err != nil {
				return err
			}
		}
	}
}

// claim reserves a part for a worker. If it returns false, the worker must end, and is no longer counted as active.
func (p *pool) claim(first bool) (span, bool) {
	if !first && p.retireIfExtra() {
		return span{}, false
	}
	part, ok := p.coverage.claim(first, p.partLength)
	if !ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.active--
	}
	return part, ok
}

// retireIfExtra removes the calling worker if there are more workers than wanted, and returns whether it did.
func (p *pool) retireIfExtra() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.active <= p.limit {
		return false
	}
	p.active--
	return true
}

// partLength returns the length of the next part. A blob that a single worker fetches is not split into parts.
func (p *pool) partLength(missing int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size := p.coverage.size; size <= wholeBelow || p.whole || p.fixed && p.limit == 1 {
		return size
	}
	return min(max(missing/16, minPart), maxPart)
}

// giveUpRanges makes a single request fetch the whole blob from now on.
func (p *pool) giveUpRanges() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.whole, p.limit = true, 1
	p.endAdapt()
}

// hasRanges reports whether requests may ask for ranges.
func (p *pool) hasRanges() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.whole
}

// retire removes a failed worker, and limits the number of workers to the remaining ones.
func (p *pool) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	p.limit = min(p.limit, max(p.active, 1))
	p.endAdapt()
}

// pause waits before the next attempt. It returns err if a retry is useless, or if requests have failed for too long.
func (p *pool) pause(ctx context.Context, err error) error {
	resp := transport.AsResponse(err)
	if resp != nil && !transport.IsTransient(resp.StatusCode) || resp == nil && transport.RetryabilityOf(err) == transport.Never {
		return err
	}
	p.mu.Lock()
	more := p.retrier.ShouldRetry(err)
	delay := p.retrier.Delay
	p.mu.Unlock()
	if !more {
		return err
	}
	return pause.For(ctx, delay)
}

// recordProgress records n new bytes, which restarts the time for which requests may fail. Once the blob is complete, it stops
// adapt.
func (p *pool) recordProgress(n int64, complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retrier.Progress(n)
	if complete {
		p.retrier.Done()
		p.endAdapt()
	}
}

// adapt adds workers until the context adapting ends or the rate no longer grows.
func (p *pool) adapt(ctx, adapting context.Context) {
	defer p.fixLimit()
	rate, ok := p.sample(adapting)
	for workers := 1; ok && rate < fastEnough; {
		added := p.add(ctx, countToAdd(workers, rate))
		if added == 0 {
			return
		}
		var now float64
		if now, ok = p.sample(adapting); ok && now < rate*growth {
			p.lowerLimit(workers)
			return
		}
		workers += added
		rate = now
	}
}

// countToAdd returns how many workers to add.
func countToAdd(workers int, rate float64) int {
	if workers == 1 && rate < slow {
		return 3
	}
	return workers
}

// add starts up to n workers, and returns how many it started.
func (p *pool) add(ctx context.Context, n int) int {
	added := 0
	for ; added < n && p.slots.TrySlot(); added++ {
		p.mu.Lock()
		p.limit++
		p.mu.Unlock()
		p.start(ctx)
	}
	return added
}

// fixLimit records that no more workers will be added.
func (p *pool) fixLimit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fixed = true
}

func (p *pool) lowerLimit(limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = min(p.limit, limit)
}

// sample measures the rate in bytes per second. It first waits for as long as the first worker took to start, so that new workers
// have started. It returns false if ctx ends.
func (p *pool) sample(ctx context.Context) (float64, bool) {
	const step = 5 * time.Millisecond
	start, before := time.Now(), p.coverage.freshBytes()
	for p.coverage.freshBytes() == before || time.Since(start) < p.latency {
		if pause.For(ctx, step) != nil {
			return 0, false
		}
	}
	if p.latency == 0 {
		p.latency = time.Since(start) + step
	}
	from, start := p.coverage.freshBytes(), time.Now()
	if pause.For(ctx, sampleFor) != nil {
		return 0, false
	}
	return float64(p.coverage.freshBytes()-from) / time.Since(start).Seconds(), true
}
