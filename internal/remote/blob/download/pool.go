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
	// wholeBelow is the size up to which one request fetches a blob: a second connection would hardly have started.
	wholeBelow = 16 << 20
	// A part of a blob for one request is a sixteenth of the missing bytes, so that many connections end together. It is
	// large enough to hide its round trip and small enough that losing one costs little.
	minPart, maxPart = 4 << 20, 64 << 20
	// sampleFor is the time for which a rate is measured before the number of connections is judged.
	sampleFor = 120 * time.Millisecond
	// fastEnough is the rate in bytes per second above which another connection can't help: the hash of one stream
	// is little faster, and a registry on the same machine needs the cores.
	fastEnough = 400 << 20
	// slow is the rate of one connection below which three more are tried at once.
	slow = 50 << 20
	// growth is the ratio by which more connections must raise the rate to be kept.
	growth = 1.25
)

// slots limits the connections that all downloads use beyond their first.
type slots interface {
	TrySlot() bool
	ReleaseSlot()
}

// pool runs the workers of one download. It adds workers as long as the rate grows with them.
type pool struct {
	coverage *coverage
	slots    slots
	fetch    func(ctx context.Context, part span) error

	group   *errgroup.Group
	enough  func()        // ends the search for the right number of workers
	latency time.Duration // until the first byte arrived; for sample

	mu     sync.Mutex
	tries  *transport.Retrier
	active int  // workers
	limit  int  // workers wanted
	fixed  bool // limit is final
	whole  bool // one request fetches everything: the registry does not support ranges
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
	adapting, enough := context.WithCancel(ctx)
	defer enough()
	p.group, p.enough, p.limit = group, enough, 1
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

// work fetches parts until there are no more, or until there are more workers than wanted. The first worker stays until
// the blob is complete.
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
			p.retire() // the registry, or a proxy, does not accept that many connections
			return nil
		default:
			if err := p.pause(ctx, err); err != nil {
				return err
			}
		}
	}
}

// claim reserves a part for a worker. If it returns false, the worker is no longer counted.
func (p *pool) claim(first bool) (span, bool) {
	if !first && p.leaveIfSuperfluous() {
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

func (p *pool) leaveIfSuperfluous() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.active <= p.limit {
		return false
	}
	p.active--
	return true
}

// partLength returns the length of the next part. A blob that one worker fetches is not cut into parts.
func (p *pool) partLength(missing int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size := p.coverage.size; size <= wholeBelow || p.whole || p.fixed && p.limit == 1 {
		return size
	}
	return min(max(missing/16, minPart), maxPart)
}

// giveUpRanges makes one request fetch everything from now on.
func (p *pool) giveUpRanges() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.whole, p.limit = true, 1
	p.enough()
}

// hasRanges reports whether requests may ask for ranges.
func (p *pool) hasRanges() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.whole
}

// retire removes the worker that failed, and limits the number of workers to those that are left.
func (p *pool) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	p.limit = min(p.limit, max(p.active, 1))
	p.enough()
}

// pause waits before the next try. It returns an error if the budget of retries is spent.
func (p *pool) pause(ctx context.Context, err error) error {
	resp := transport.AsResponse(err)
	if resp != nil && !transport.IsTransient(resp.StatusCode) || resp == nil && transport.RetryabilityOf(err) == transport.Never {
		return err
	}
	p.mu.Lock()
	more := p.tries.ShouldRetry(err)
	delay := p.tries.Delay
	p.mu.Unlock()
	if !more {
		return err
	}
	return pause.For(ctx, delay)
}

// recordProgress renews the time for which requests may fail, and ends the search for more workers once the blob is complete.
func (p *pool) recordProgress(n int64, complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries.Progress(n)
	if complete {
		p.tries.Done()
		p.enough()
	}
}

// adapt adds workers until adapting ends or the rate no longer grows.
func (p *pool) adapt(ctx, adapting context.Context) {
	defer p.fixLimit()
	rate, ok := p.sample(adapting)
	for workers := 1; ok && rate < fastEnough; {
		added := p.add(ctx, wanted(workers, rate))
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

// wanted returns how many workers to add.
func wanted(workers int, rate float64) int {
	if workers == 1 && rate < slow {
		return 3
	}
	return workers
}

// add starts up to n workers, and returns how many.
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

// fixLimit makes the number of workers final.
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

// sample measures the rate once the workers that were added have had the time to start, which is the time that the first
// worker needed. It returns false when there is nothing left to decide.
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
