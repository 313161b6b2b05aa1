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

// TestPausesAreAnnounced checks that a long pause is told once, however many requests wait, and a short one not at all.
func TestPausesAreAnnounced(t *testing.T) {
	t.Parallel()
	var told []string
	tr := New(Options{RetryFor: time.Hour, Notify: func(s string) { told = append(told, s) }})
	tr.delay = time.Millisecond
	limiter := tr.Limiter("example.com")
	failed := errors.New("503 Service Unavailable")
	if !tr.NewRetrier(limiter, "").ShouldRetry(failed) || len(told) > 0 {
		t.Fatalf("a pause of a millisecond is announced: %q", told)
	}
	limiter.note(&http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}})
	for range 3 {
		if !tr.NewRetrier(limiter, "").ShouldRetry(failed) {
			t.Fatal("the pause ends the tries")
		}
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "example.com asked for a pause: continuing in ") {
		t.Errorf("got %q", told)
	}
	slow := tr.Limiter("slow.example.com")
	tr.delay = 8 * time.Second
	if !tr.NewRetrier(slow, "").ShouldRetry(failed) {
		t.Fatal("the pause ends the tries")
	}
	if len(told) != 2 || !strings.HasPrefix(told[1], "trying again in ") || !strings.HasSuffix(told[1], "s: slow.example.com: 503 Service Unavailable") {
		t.Errorf("got %q", told)
	}
}

// TestWaitNamesTheAnswer waits for a registry that has too many requests, without a Retry-After.
func TestWaitNamesTheAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var told string
	tr := New(Options{RetryFor: time.Hour, Notify: func(s string) { told = s; cancel() }})
	if err := tr.Connect(); err != nil {
		t.Fatal(err)
	}
	tr.delay = 8 * time.Second
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if _, err := tr.RoundTrip(req); err == nil || !strings.HasSuffix(told, ": 429 Too Many Requests") {
		t.Errorf("%q, %v", told, err)
	}
}

// TestAddressOfNoServer sends a request to where a challenge without a realm leads. It is not tried again.
func TestAddressOfNoServer(t *testing.T) {
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
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestFailingIsKnown checks that the reason of a retry is reported, and that the request succeeded after all.
func TestFailingIsKnown(t *testing.T) {
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
		t.Errorf("got %v", failing)
	}
}
