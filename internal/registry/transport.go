package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	firstDelay = 200 * time.Millisecond
	maxDelay   = 10 * time.Second
	// maxRetryAfter is how long a registry may send us away in one answer.
	maxRetryAfter = time.Minute
	// briefFor is how long a host that never answered is tried: long enough for a registry that is just starting, short
	// enough for a name that was mistyped.
	briefFor = 3 * time.Second
)

// transport sends requests and repeats those that may succeed the second time: reads and writes alike, as long as the
// body can be had again. What a registry asks for with Retry-After holds for every request to its host.
type transport struct {
	security    Security
	connections int
	retryFor    time.Duration
	delay       time.Duration // before the second try
	stall       time.Duration
	trace       func(string)
	agent       string

	mu    sync.Mutex
	base  *http.Transport // the connections; see renew
	gates map[string]*gate
}

// transportOptions say how a transport connects, and how patient it is.
type transportOptions struct {
	Security    Security
	Connections int           // to one host
	RetryFor    time.Duration // how long one thing may keep failing; 0: 5 minutes; below 0: it may not
	Stall       time.Duration // how long a registry may be silent; 0: 30 seconds
	UserAgent   string        // empty: "davit"
	Trace       func(string)  // told a line for every HTTP request, without its secrets; from several goroutines
}

// newTransport makes a transport. Nothing is read or dialled before connect.
func newTransport(o transportOptions) *transport {
	if o.RetryFor == 0 {
		o.RetryFor = 5 * time.Minute
	}
	if o.Stall <= 0 {
		o.Stall = 30 * time.Second
	}
	return &transport{
		security: o.Security, connections: o.Connections, retryFor: max(o.RetryFor, 0), delay: firstDelay,
		stall: o.Stall, trace: o.Trace, agent: cmp.Or(o.UserAgent, "davit"),
	}
}

// renew gives up the connections that there are, for a second try that must not meet what spoiled the first. Requests
// that are under way keep theirs.
func (t *transport) renew() {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.base
	t.base = old.Clone()
	old.CloseIdleConnections()
}

func (t *transport) pool() *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base
}

// settings of one request, carried by its context.
type settings struct {
	single bool // the caller repeats it, not the transport
	use    *use // counts the bytes; nil: nobody asks
}

type settingsKey struct{}

func settingsOf(ctx context.Context) settings {
	s, _ := ctx.Value(settingsKey{}).(settings)
	return s
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	gate := t.gate(req.URL.Host)
	tries := t.newTries(gate)
	for {
		if err := gate.wait(req.Context()); err != nil {
			return nil, err
		}
		resp, err := t.once(req)
		gate.note(resp)
		if !worthRepeating(resp, err) || settingsOf(req.Context()).single {
			return resp, err
		}
		next, rewindErr := rewound(req)
		if rewindErr != nil || !tries.more(err) {
			return resp, err
		}
		if resp != nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
			_ = resp.Body.Close()
		}
		if err := tries.wait(req.Context()); err != nil {
			return nil, err
		}
		req = next
	}
}

func worthRepeating(resp *http.Response, err error) bool {
	if err != nil {
		return worth(err) != never
	}
	return again(resp.StatusCode)
}

// rewound is req with its body from the start.
func rewound(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, errors.New("the body can't be had again")
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	next := req.Clone(req.Context())
	next.Body = body
	return next, nil
}

// once is one attempt, watched and traced.
func (t *transport) once(req *http.Request) (*http.Response, error) {
	s := settingsOf(req.Context())
	if s.use == nil {
		s.use = newUse(t.stall)
	}
	sent := req.Clone(traceUse(req.Context(), s.use))
	sent.Body = bodyOf(req.Body, s.use)
	if sent.Header.Get("User-Agent") == "" {
		sent.Header.Set("User-Agent", t.agent)
	}
	start := time.Now()
	resp, err := t.pool().RoundTrip(sent)
	if resp != nil {
		resp.Request = req
		if resp.StatusCode == http.StatusUnauthorized {
			hold(resp)
		}
	}
	if t.trace != nil {
		t.trace(traceLine(req, resp, err, time.Since(start)))
	}
	return resp, err
}

// hold reads a challenge's body into memory: whoever answers the challenge closes it unread, which would cost the
// connection.
func hold(resp *http.Response) {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // an error comes again with the rest
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(data), resp.Body), resp.Body}
}

// tries is the patience for one thing that keeps failing: how often it was tried and how much longer it may be.
type tries struct {
	budget time.Duration
	first  time.Duration // the first delay
	gate   *gate
	since  time.Time // of the first failure without progress; zero: none
	count  int       // tries without much progress
	moved  int64     // bytes since the last failure
	delay  time.Duration
}

// muchProgress is how many bytes make a failure the first one again. Fewer only start the budget anew, so that a
// registry that cuts every answer short is not asked without a pause.
const muchProgress = 1 << 20

func (t *transport) newTries(g *gate) *tries {
	return &tries{budget: t.retryFor, first: t.delay, gate: g}
}

// more tells whether to try again after err, and sets the delay. After much progress there is none.
func (t *tries) more(err error) bool {
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	budget := t.budget
	if err != nil && worth(err) == briefly && !t.gate.answered() {
		budget = min(budget, briefFor)
	}
	t.delay = 0
	if t.moved < muchProgress {
		step := min(t.first<<min(t.count, 10), maxDelay)
		t.delay = step/2 + rand.N(step)
		t.count++
	} else {
		t.count = 0
	}
	t.moved = 0
	t.delay = max(t.delay, time.Until(t.gate.until()))
	return now.Add(t.delay).Sub(t.since) <= budget
}

// progress notes that bytes came.
func (t *tries) progress(bytes int64) {
	t.since = time.Time{}
	t.moved += bytes
}

func (t *tries) wait(ctx context.Context) error { return sleep(ctx, t.delay) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// gate is what all requests to one host share.
type gate struct {
	mu     sync.Mutex
	closed time.Time // until when the host wants to be left alone
	spoke  bool      // the host has answered something
}

func (t *transport) gate(host string) *gate {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gates == nil {
		t.gates = map[string]*gate{}
	}
	g := t.gates[host]
	if g == nil {
		g = &gate{}
		t.gates[host] = g
	}
	return g
}

// note remembers what an answer says about its host.
func (g *gate) note(resp *http.Response) {
	if resp == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spoke = true
	if !again(resp.StatusCode) {
		return
	}
	if wait := retryAfter(resp.Header.Get("Retry-After"), time.Now()); wait > 0 {
		if until := time.Now().Add(wait); until.After(g.closed) {
			g.closed = until
		}
	}
}

func (g *gate) answered() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.spoke
}

func (g *gate) until() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

func (g *gate) wait(ctx context.Context) error {
	if d := time.Until(g.until()); d > 0 {
		return sleep(ctx, d)
	}
	return nil
}

// retryAfter reads both forms of the header: seconds, and a date.
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// maxRedirects is what browsers and net/http follow.
const maxRedirects = 10

// redirectRefused is why a redirect is not followed.
type redirectRefused string

func (r redirectRefused) Error() string { return string(r) }

// client returns an HTTP client that sends no credentials.
func (t *transport) client() *http.Client {
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

// checkRedirect keeps a chain short and encrypted.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return redirectRefused(fmt.Sprintf("stopped after %d redirects", maxRedirects))
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return redirectRefused("redirect from https to " + req.URL.Scheme + " is refused")
	}
	req.Header.Del("Referer") // it would carry the query of the previous hop
	return nil
}

// traceLine describes a request without its secrets: no query values, no headers but the harmless.
func traceLine(req *http.Request, resp *http.Response, err error, took time.Duration) string {
	line := req.Method + " " + bareURL(req.URL).String()
	if len(req.URL.RawQuery) > 0 {
		line += "?" + maskedQuery(req.URL.Query())
	}
	for _, name := range []string{"Range", "Content-Range"} {
		if v := req.Header.Get(name); v != "" {
			line += fmt.Sprintf(" [%s: %s]", name, v)
		}
	}
	if req.Header.Get("Authorization") != "" {
		line += " [Authorization: ***]"
	}
	if req.ContentLength > 0 {
		line += fmt.Sprintf(" (%d bytes)", req.ContentLength)
	}
	line += " → "
	if err != nil {
		line += oneLine(redactText(err), 300)
	} else {
		line += resp.Status
		if resp.ContentLength > 0 {
			line += fmt.Sprintf(", %d bytes", resp.ContentLength)
		}
		if to, err := resp.Location(); err == nil {
			line += ", to " + bareURL(to).String()
		}
	}
	return line + fmt.Sprintf(", %d ms", took.Milliseconds())
}

// maskedQuery shows the names of a query's values, and of the values only those that are no secret.
func maskedQuery(q url.Values) string {
	var parts []string
	for name, values := range q {
		switch name {
		case "digest", "mount", "from", "n", "last", "artifactType", "scope", "service":
			for _, v := range values {
				parts = append(parts, name+"="+oneLine(v, 200))
			}
		default:
			parts = append(parts, name+"=***")
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}
