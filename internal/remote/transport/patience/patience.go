// Package patience says how long failing requests to a host go on: what the host asks for, and since when requests have been failing.
package patience

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MaxPause is the longest wait that a registry may request in one response.
const MaxPause = time.Minute

// RetryAfter returns the pause that a response asks for with its header Retry-After, within the limit.
func RetryAfter(value string, now time.Time) time.Duration {
	return min(max(AskedPause(value, now), 0), MaxPause)
}

// AskedPause parses both forms of the header: seconds, and a date.
func AskedPause(value string, now time.Time) time.Duration {
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

// Sort returns the sort of a request: its method and what it is about, such as manifests. Whatever follows that differs.
func Sort(req *http.Request) string {
	sort := req.Method
	for part := range strings.SplitSeq(req.URL.Path, "/") {
		switch part {
		case "manifests", "blobs", "tags", "referrers":
			sort = req.Method + " " + part
		}
	}
	return sort
}

// Outages are the outages of a host, by sort of request: a registry may answer some requests, and fail all others.
type Outages struct {
	mu     sync.Mutex
	bySort map[string]*Outage
}

// Of returns the outage of a type of requests.
func (o *Outages) Of(sort string) *Outage {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bySort == nil {
		o.bySort = map[string]*Outage{}
	}
	if o.bySort[sort] == nil {
		o.bySort[sort] = &Outage{}
	}
	return o.bySort[sort]
}

// Outage is a time in which all requests of a type fail. A command that sends many of them, one after the other, must not wait
// for each as long as for one.
type Outage struct {
	mu    sync.Mutex
	since time.Time // zero: requests succeed
	last  time.Time // failure
}

// Failed records a request that failed at now, and has been failing since a time. It returns since when such requests have been
// failing. A failure long after the one before does not belong to the same outage: nothing was requested in between.
func (o *Outage) Failed(since, now time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() || since.Sub(o.last) > MaxPause+time.Second {
		o.since = since
	}
	o.last = now
	return o.since
}

// End records that a request did not fail, or that bytes arrived.
func (o *Outage) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since = time.Time{}
}
