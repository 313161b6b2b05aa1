package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestPausesAreAnnounced checks that a long pause is announced once, even if several requests wait. A short pause is not announced.
func TestPausesAreAnnounced(t *testing.T) {
	t.Parallel()
	var notices []string
	tr := New(Options{RetryFor: time.Hour, Notify: func(s string) { notices = append(notices, s) }})
	tr.delay = time.Millisecond
	limiter := tr.Limiter("example.com")
	failed := errors.New("503 Service Unavailable")
	if !tr.NewRetrier(limiter, "").ShouldRetry(failed) || len(notices) > 0 {
		t.Fatalf("a pause of a millisecond: got the notices %q, want none", notices)
	}
	limiter.record(&http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}})
	for range 3 {
		if !tr.NewRetrier(limiter, "").ShouldRetry(failed) {
			t.Fatal("no retry after a requested pause")
		}
	}
	if len(notices) != 1 || !strings.HasPrefix(notices[0], "example.com asked for a pause: continuing in ") {
		t.Errorf("a requested pause: got the notices %q, want one", notices)
	}
	slow := tr.Limiter("slow.example.com")
	tr.delay = 8 * time.Second
	if !tr.NewRetrier(slow, "").ShouldRetry(failed) {
		t.Fatal("no retry after a long delay")
	}
	if len(notices) != 2 || !strings.HasPrefix(notices[1], "trying again in ") || !strings.HasSuffix(notices[1], "s: slow.example.com: 503 Service Unavailable") {
		t.Errorf("a long delay: got the notices %q, want a second notice with the error", notices)
	}
}

// TestNoticeHasStatus checks that the notice of a delay has the status of the response, even if it is 429 without a Retry-After.
func TestNoticeHasStatus(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var notice string
	tr := New(Options{RetryFor: time.Hour, Notify: func(s string) { notice = s; cancel() }})
	if err := tr.Connect(); err != nil {
		t.Fatal(err)
	}
	tr.delay = 8 * time.Second
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if _, err := tr.RoundTrip(req); err == nil || !strings.HasSuffix(notice, ": 429 Too Many Requests") {
		t.Errorf("got the notice %q, %v, want 429 Too Many Requests", notice, err)
	}
}

// TestInvalidURLs checks that requests to URLs without a server are not retried. A challenge without a realm causes such requests.
func TestInvalidURLs(t *testing.T) {
	t.Parallel()
	tr := New(Options{RetryFor: time.Hour})
	for _, address := range []string{"", "?scope=x", "ftp://a.example/token", "http:///token", "/token"} {
		at, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tr.RoundTrip((&http.Request{Method: http.MethodGet, URL: at, Header: http.Header{}}).WithContext(t.Context()))
		var violation Violation
		if !errors.As(err, &violation) || RetryabilityOf(err) != Never {
			t.Errorf("%q: got %v, want a Violation", address, err)
		}
	}
}

// TestFailing checks that Options.Failing receives the error before a retry, and nil when the request succeeds.
func TestFailing(t *testing.T) {
	t.Parallel()
	first := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if first {
			w.WriteHeader(http.StatusBadGateway)
		}
		first = false
	}))
	defer server.Close()
	var failing []error
	tr := New(Options{RetryFor: time.Hour, Delay: time.Millisecond, Failing: func(err error) { failing = append(failing, err) }})
	if err := tr.Connect(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if len(failing) != 2 || failing[1] != nil || !strings.HasSuffix(failing[0].Error(), ": 502 Bad Gateway") {
		t.Errorf("got %v, want the error 502 and nil", failing)
	}
}
