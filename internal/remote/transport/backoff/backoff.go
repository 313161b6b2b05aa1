// Package backoff limits how long requests to a failing host are retried: it parses Retry-After, and tracks outages.
package backoff

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MaxPause is the longest pause for which a Retry-After is honored.
const MaxPause = time.Minute

// RetryAfter parses the value of a Retry-After header, and limits it to MaxPause.
func RetryAfter(value string, now time.Time) time.Duration {
	return min(max(RequestedPause(value, now), 0), MaxPause)
}

// RequestedPause parses the value of a Retry-After header, in seconds or as a date, without a limit.
func RequestedPause(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return wait
}

// Class returns the class of a request: its method and the kind of resource, such as manifests.
func Class(req *http.Request) string {
	class := req.Method
	for part := range strings.SplitSeq(req.URL.Path, "/") {
		switch part {
		case "manifests", "blobs", "tags", "referrers":
			class = req.Method + " " + part
		}
	}
	return class
}

// Outages tracks the outages of a host by class of request, because all requests of one class may fail while others succeed.
type Outages struct {
	mu      sync.Mutex
	byClass map[string]*Outage
}

// Of returns the outage of a class of requests.
func (o *Outages) Of(class string) *Outage {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byClass == nil {
		o.byClass = map[string]*Outage{}
	}
	if o.byClass[class] == nil {
		o.byClass[class] = &Outage{}
	}
	return o.byClass[class]
}

// Outage is a period in which all requests of a class fail. Successive requests share it, so that a command does not wait the full
// time for each of them.
type Outage struct {
	mu    sync.Mutex
	since time.Time // start of the outage; zero while requests succeed
	last  time.Time // time of the last failure
}

// Failed records that a request failed at now, and that the registry had been silent since the time since. It returns the start of
// the outage. A failure long after the previous one starts a new outage, because no request was sent in between.
func (o *Outage) Failed(since, now time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() || since.Sub(o.last) > MaxPause+time.Second {
		o.since = since
	}
	o.last = now
	return o.since
}

// End records that a request succeeded, or that bytes arrived.
func (o *Outage) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since = time.Time{}
}
