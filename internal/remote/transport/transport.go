package transport

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/remote/transport/backoff"
	"github.com/davit-oci/davit/internal/remote/transport/challenge"
	"github.com/davit-oci/davit/internal/untrusted"
)

const (
	firstDelay = 200 * time.Millisecond
	maxDelay   = 10 * time.Second
	// briefFor is the time for which a host that never answered is retried: long enough for a registry that is just starting,
	// short enough for a mistyped name.
	briefFor = 3 * time.Second
	// leastStall is the least time that a registry may be silent, however little is left for retries.
	leastStall = 5 * time.Second
)

// Transport sends requests and retries those that may succeed later: reads and writes alike, as long as the body can be
// read again. A Retry-After holds for every request to its host.
type Transport struct {
	Security    Security
	connections int
	retryFor    time.Duration
	delay       time.Duration // before the second try
	Stall       time.Duration
	trace       func(string)
	notify      func(string)
	failing     func(error)
	agent       string

	mu       sync.Mutex
	base     *http.Transport // the connections; see renew
	limiters map[string]*HostLimiter
	noTLS    sync.Map // hosts without TLS, with Security.OrPlain
}

// Options configure how a transport connects, and how patient it is.
type Options struct {
	Security    Security
	Connections int           // to one host
	RetryFor    time.Duration // how long operations of one type may go without progress, all together; 0: 5 minutes; below 0: no retries
	Stall       time.Duration // how long a registry may be silent; 0: 30 seconds, or RetryFor if that is less
	Delay       time.Duration // before the second try; 0: 200 ms
	UserAgent   string        // empty: "davit"
	Trace       func(string)  // receives a line for every HTTP request, without its secrets; from several goroutines
	Notify      func(string)  // receives messages for the user; from several goroutines
	Failing     func(error)   // receives why a request will be sent again, and nil when it succeeds; from several goroutines
}

// New returns a transport. It reads nothing and dials nothing before Connect.
func New(o Options) *Transport {
	if o.RetryFor == 0 {
		o.RetryFor = 5 * time.Minute
	}
	if o.Stall <= 0 {
		o.Stall = 30 * time.Second
	}
	if o.RetryFor > 0 {
		o.Stall = min(o.Stall, max(o.RetryFor, leastStall))
	}
	return &Transport{
		Security: o.Security, connections: o.Connections, retryFor: max(o.RetryFor, 0), delay: cmp.Or(o.Delay, firstDelay),
		Stall: o.Stall, trace: o.Trace, notify: o.Notify, failing: o.Failing, agent: cmp.Or(o.UserAgent, "davit"),
	}
}

// Notify sends the user a message that is not an error.
func (t *Transport) Notify(format string, args ...any) {
	if t.notify != nil {
		t.notify(untrusted.Line(fmt.Sprintf(format, args...), 500))
	}
}

// Renew drops the existing connections, so that a second try does not meet the cause of the first failure. Requests in
// progress keep theirs.
func (t *Transport) Renew() {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.base
	t.base = old.Clone()
	old.CloseIdleConnections()
}

func (t *Transport) pool() *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base
}

// Settings configure one request. They are carried by its context.
type Settings struct {
	Once     bool      // the caller repeats it, not the transport
	Activity *Activity // counts the bytes; nil: not counted
}

type settingsKey struct{}

// WithSettings returns a context for requests with settings of their own.
func WithSettings(ctx context.Context, s Settings) context.Context {
	return context.WithValue(ctx, settingsKey{}, s)
}

func settingsOf(ctx context.Context) Settings {
	s, _ := ctx.Value(settingsKey{}).(Settings)
	return s
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return nil, Violationf("the registry names an address that is not one of a server: %q", BareURL(req.URL))
	}
	resp, err := t.sendRepeatedly(req)
	return resp, addRedirect(req, err)
}

// sendRepeatedly sends a request until it is answered or must not be retried.
func (t *Transport) sendRepeatedly(req *http.Request) (*http.Response, error) {
	gate := t.Limiter(req.URL.Host)
	tries := t.NewRetrier(gate, backoff.Class(req))
	for {
		if err := gate.wait(req.Context()); err != nil {
			return nil, err
		}
		resp, err := t.sendOnce(req)
		gate.note(resp)
		once := settingsOf(req.Context()).Once
		if !isRepeatable(resp, err) || once {
			if err == nil && !once {
				tries.Done()
			}
			return resp, err
		}
		next, rewindErr := rewind(req)
		cause := err
		if cause == nil {
			cause = errors.New(resp.Status)
		}
		if rewindErr != nil || !tries.ShouldRetry(cause) {
			return resp, err
		}
		if resp != nil {
			Drain(resp)
		}
		if err := tries.Wait(req.Context()); err != nil {
			return nil, err
		}
		req = next
	}
}

func isRepeatable(resp *http.Response, err error) bool {
	if err != nil {
		return RetryabilityOf(err) != Never
	}
	return IsTransient(resp.StatusCode)
}

// sendOnce makes one attempt, watched and traced.
func (t *Transport) sendOnce(req *http.Request) (*http.Response, error) {
	s := settingsOf(req.Context())
	if s.Activity == nil {
		s.Activity = NewActivity(t.Stall)
	}
	s.Activity.isStalled.Store(false) // by the attempt before
	sent := req.Clone(traceUse(req.Context(), s.Activity))
	sent.Body = bodyOf(req.Body, s.Activity)
	if sent.Header.Get("User-Agent") == "" {
		sent.Header.Set("User-Agent", t.agent)
	}
	start := time.Now()
	resp, err := t.sendOrPlain(req, sent)
	if err != nil {
		err = s.Activity.explain(err)
	}
	if resp != nil {
		resp.Request = req
		maskEcho(req, resp)
		if resp.StatusCode == http.StatusUnauthorized {
			hold(resp)
			challenge.Choose(resp.Header)
		}
	}
	if t.trace != nil {
		t.trace(traceLine(req, resp, err, time.Since(start)))
	}
	return resp, err
}

// sendOrPlain sends a request, by plain HTTP if it may be that and the host has no TLS.
func (t *Transport) sendOrPlain(req, sent *http.Request) (*http.Response, error) {
	if !t.Security.OrPlain || req.URL.Scheme != "https" {
		return t.pool().RoundTrip(sent)
	}
	if _, known := t.noTLS.Load(req.URL.Host); !known {
		resp, err := t.pool().RoundTrip(sent)
		var record tls.RecordHeaderError
		if err == nil || !errors.As(err, &record) && !errors.Is(err, http.ErrSchemeMismatch) {
			return resp, err
		}
		next, rewindErr := rewind(req)
		if rewindErr != nil {
			return resp, err
		}
		t.noTLS.Store(req.URL.Host, true)
		sent.Body = next.Body
	}
	plain := *sent.URL
	plain.Scheme = "http"
	sent.URL = &plain
	return t.pool().RoundTrip(sent)
}

// body is the body of a response, of which a part was read before.
type body struct {
	io.Reader
	io.Closer
}

// hold reads a challenge's body into memory: the caller that answers the challenge closes it unread, which would cost
// the connection.
func hold(resp *http.Response) {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // an error occurs again with the rest
	resp.Body = body{io.MultiReader(bytes.NewReader(data), resp.Body), resp.Body}
}

// HostLimiter is shared by all requests to one host.
type HostLimiter struct {
	mu     sync.Mutex
	closed time.Time // until when the host does not accept requests
	spoke  bool      // the host has answered something
	host   string
	told   time.Time // until when the user knows that requests wait

	outages backoff.Outages
}

func (t *Transport) Limiter(host string) *HostLimiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limiters == nil {
		t.limiters = map[string]*HostLimiter{}
	}
	g := t.limiters[host]
	if g == nil {
		g = &HostLimiter{host: host}
		t.limiters[host] = g
	}
	return g
}

// note records what a response reveals about its host.
func (g *HostLimiter) note(resp *http.Response) {
	if resp == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spoke = true
	if !IsTransient(resp.StatusCode) {
		return
	}
	if wait := backoff.RetryAfter(resp.Header.Get("Retry-After"), time.Now()); wait > 0 {
		if until := time.Now().Add(wait); until.After(g.closed) {
			g.closed = until
		}
	}
}

// mayAnnounce reports whether to notify the user of a pause. The pauses of requests that fail together are announced once.
func (g *HostLimiter) mayAnnounce(until time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.told) {
		return false
	}
	g.told = until
	return true
}

func (g *HostLimiter) HasAnswered() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.spoke
}

func (g *HostLimiter) Until() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

func (g *HostLimiter) wait(ctx context.Context) error {
	if d := time.Until(g.Until()); d > 0 {
		return pause.For(ctx, d)
	}
	return nil
}

// Drain reads a short response to its end, so that its connection can be used again.
func Drain(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
}
