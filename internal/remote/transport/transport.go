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
	// briefFor limits the time of retries to a host that has never answered: long enough for a starting registry, short enough
	// for a mistyped name.
	briefFor = 3 * time.Second
	// leastStall is the lowest value to which a short RetryFor reduces Stall.
	leastStall = 5 * time.Second
)

// Transport is an http.RoundTripper that retries requests that may succeed later: reads and writes, if the body can be read again.
// A Retry-After applies to every request to its host.
type Transport struct {
	Security    Security
	connections int
	retryFor    time.Duration
	delay       time.Duration // before the second attempt
	Stall       time.Duration
	trace       func(string)
	notify      func(string)
	failing     func(error)
	agent       string

	mu       sync.Mutex
	base     *http.Transport // has the connections; Renew replaces it
	limiters map[string]*HostLimiter
	NoTLS    sync.Map // hosts without TLS, if Security.OrPlain is set
}

// Options configure how a transport connects, waits, and retries.
type Options struct {
	Security    Security
	Connections int           // idle connections to keep for one host, besides a few
	RetryFor    time.Duration // how long all operations of one type may go without progress; 5 minutes if 0; no retries if negative
	Stall       time.Duration // how long a registry may be silent; 30 seconds if 0; a shorter RetryFor reduces it
	Delay       time.Duration // before the second attempt; 200 ms if 0
	UserAgent   string        // "davit" if empty
	Trace       func(string)  // receives a line for every HTTP request, without its secrets; from several goroutines
	Notify      func(string)  // receives messages for the user; from several goroutines
	Failing     func(error)   // receives the error before a request is retried, and nil when it succeeds; from several goroutines
}

// New returns a transport. Connect must be called before the first request.
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

// Notify sends a message to the user. It removes control characters and truncates long messages.
func (t *Transport) Notify(format string, args ...any) {
	if t.notify != nil {
		t.notify(untrusted.Line(fmt.Sprintf(format, args...), 500))
	}
}

// Renew makes later requests use new connections: an existing one may have caused a failure. Active requests keep theirs.
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

// Settings configure one request. They are part of its context.
type Settings struct {
	Once     bool      // the caller retries the request, not the transport
	Activity *Activity // counts the bytes; may be nil
}

type settingsKey struct{}

// WithSettings returns a context for a request with settings.
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
		return nil, Violationf("the registry sent an invalid URL: %q", BareURL(req.URL))
	}
	resp, err := t.sendRepeatedly(req)
	return resp, addRedirect(req, err)
}

// sendRepeatedly sends a request until it is answered or must not be retried.
func (t *Transport) sendRepeatedly(req *http.Request) (*http.Response, error) {
	limiter := t.Limiter(req.URL.Host)
	retrier := t.NewRetrier(limiter, backoff.Class(req))
	for {
		if err := limiter.wait(req.Context()); err != nil {
			return nil, err
		}
		resp, err := t.sendOnce(req)
		limiter.record(resp)
		once := settingsOf(req.Context()).Once
		if !canRetry(resp, err) || once {
			if err == nil && !once {
				retrier.Done()
			}
			return resp, err
		}
		next, rewindErr := rewind(req)
		cause := err
		if cause == nil {
			cause = errors.New(resp.Status)
		}
		if rewindErr != nil || !retrier.ShouldRetry(cause) {
			return resp, err
		}
		if resp != nil {
			Drain(resp)
		}
		if err := retrier.Wait(req.Context()); err != nil {
			return nil, err
		}
		req = next
	}
}

func canRetry(resp *http.Response, err error) bool {
	if err != nil {
		return RetryabilityOf(err) != Never
	}
	return IsTransient(resp.StatusCode)
}

// sendOnce sends a request once, with its activity tracked and traced.
func (t *Transport) sendOnce(req *http.Request) (*http.Response, error) {
	s := settingsOf(req.Context())
	if s.Activity == nil {
		s.Activity = NewActivity(t.Stall)
	}
	s.Activity.isStalled.Store(false) // set by an earlier attempt
	sent := req.Clone(withActivity(req.Context(), s.Activity))
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
			bufferBody(resp)
			challenge.Choose(resp.Header)
		}
	}
	if t.trace != nil {
		t.trace(traceLine(req, resp, err, time.Since(start)))
	}
	return resp, err
}

// sendOrPlain sends a request. With Security.OrPlain, it uses plain HTTP if the host has no TLS.
func (t *Transport) sendOrPlain(req, sent *http.Request) (*http.Response, error) {
	if !t.Security.OrPlain || req.URL.Scheme != "https" {
		return t.pool().RoundTrip(sent)
	}
	if _, known := t.NoTLS.Load(req.URL.Host); !known {
		resp, err := t.pool().RoundTrip(sent)
		var record tls.RecordHeaderError
		if err == nil || !errors.As(err, &record) && !errors.Is(err, http.ErrSchemeMismatch) {
			return resp, err
		}
		next, rewindErr := rewind(req)
		if rewindErr != nil {
			return resp, err
		}
		t.NoTLS.Store(req.URL.Host, true)
		sent.Body = next.Body
	}
	plain := *sent.URL
	plain.Scheme = "http"
	sent.URL = &plain
	return t.pool().RoundTrip(sent)
}

// body is the body of a response, a part of which was read before.
type body struct {
	io.Reader
	io.Closer
}

// bufferBody reads the body of a challenge into memory, because oras-go closes it unread, which would close the connection.
func bufferBody(resp *http.Response) {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // an error occurs again when the rest is read
	resp.Body = body{io.MultiReader(bytes.NewReader(data), resp.Body), resp.Body}
}

// HostLimiter holds the state that all requests to a host share.
type HostLimiter struct {
	mu        sync.Mutex
	paused    time.Time // end of the pause that the host requested
	answered  bool      // the host has answered a request
	host      string
	announced time.Time // end of the last announced pause

	outages backoff.Outages
}

// Limiter returns the limiter of a host.
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

// record records that the host has answered, and the pause that it requests.
func (g *HostLimiter) record(resp *http.Response) {
	if resp == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answered = true
	if !IsTransient(resp.StatusCode) {
		return
	}
	if wait := backoff.RetryAfter(resp.Header.Get("Retry-After"), time.Now()); wait > 0 {
		if until := time.Now().Add(wait); until.After(g.paused) {
			g.paused = until
		}
	}
}

// mayAnnounce reports whether the user is to be notified of a pause. It returns true once for all requests that fail together.
func (g *HostLimiter) mayAnnounce(until time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.announced) {
		return false
	}
	g.announced = until
	return true
}

// HasAnswered reports whether the host has answered a request.
func (g *HostLimiter) HasAnswered() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.answered
}

// Until returns the end of the pause that the host requested.
func (g *HostLimiter) Until() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.paused
}

func (g *HostLimiter) wait(ctx context.Context) error {
	if d := time.Until(g.Until()); d > 0 {
		return pause.For(ctx, d)
	}
	return nil
}

// Drain reads a short response to its end and closes it, so that its connection can be used again.
func Drain(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
}
