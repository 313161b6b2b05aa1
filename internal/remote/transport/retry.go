package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/remote/transport/backoff"
)

// Retrier decides how long one operation is retried, and with which delays.
type Retrier struct {
	transport *Transport
	budget    time.Duration // how long the operation may go without progress
	first     time.Duration // the first delay
	limiter   *HostLimiter
	outage    *backoff.Outage // of all operations of this class
	since     time.Time       // of the first failure without progress, of this operation or of the outage; zero if none
	count     int             // tries without much progress
	moved     int64           // bytes since the last failure
	Delay     time.Duration   // before the next try
}

// muchProgress is the number of bytes after which the next try has no delay: some networks break every few hundred KiB. After fewer
// bytes there is a delay, so that a registry that truncates every response does not receive requests without a pause.
const muchProgress = 64 << 10

// NewRetrier returns the retrier of an operation. It allows no retries if others of its class have failed for the whole time.
func (t *Transport) NewRetrier(g *HostLimiter, class string) *Retrier {
	return &Retrier{transport: t, budget: t.retryFor, first: t.delay, limiter: g, outage: g.outages.Of(class)}
}

// ShouldRetry reports whether to try again after err, and sets the delay. After much progress there is no delay.
func (t *Retrier) ShouldRetry(err error) bool {
	now := time.Now()
	var silence stalled
	errors.As(err, &silence)
	began := t.outage.Failed(now.Add(-silence.after), now) // the time of waiting for the registry counts
	if t.since.IsZero() {
		t.since = began
	}
	budget := t.budget
	if err != nil && RetryabilityOf(err) == briefly && !t.hasAnswered(err) {
		budget = min(budget, briefFor)
	}
	t.Delay = 0
	if t.moved < muchProgress {
		step := min(t.first<<min(t.count, 10), maxDelay)
		t.Delay = step/2 + rand.N(step)
		t.count++
	} else {
		t.count = 0
	}
	t.moved = 0
	requested := time.Until(t.limiter.Until())
	t.Delay = max(t.Delay, requested)
	again := now.Add(t.Delay).Sub(t.since) <= budget
	if again && t.transport.failing != nil {
		t.transport.failing(fmt.Errorf("%s: %w", t.limiter.host, WithoutURL(err)))
	}
	switch {
	case !again || t.Delay < minAnnounced || !t.limiter.mayAnnounce(now.Add(t.Delay)):
	case t.Delay == requested:
		t.transport.Notify("%s asked for a pause: continuing in %v", t.limiter.host, t.Delay.Round(time.Second))
	default:
		t.transport.Notify("trying again in %v: %s: %v", t.Delay.Round(time.Second), t.limiter.host, err)
	}
	return again
}

// minAnnounced is the shortest pause about which the user is notified.
const minAnnounced = 2 * time.Second

// Progress records that bytes arrived.
func (t *Retrier) Progress(bytes int64) {
	if t.moved += bytes; t.moved >= leastProgress {
		t.Done()
	}
}

// Done records that the operation succeeded or made progress.
func (t *Retrier) Done() {
	if !t.since.IsZero() && t.transport.failing != nil {
		t.transport.failing(nil)
	}
	t.since = time.Time{}
	t.outage.End()
}

// Wait pauses before the next try.
func (t *Retrier) Wait(ctx context.Context) error {
	return pause.For(ctx, t.Delay)
}
