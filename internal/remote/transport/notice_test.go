package transport

import (
	"errors"
	"net/http"
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
	if !tr.NewRetrier(limiter).ShouldRetry(failed) || len(told) > 0 {
		t.Fatalf("a pause of a millisecond is announced: %q", told)
	}
	limiter.note(&http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}})
	for range 3 {
		if !tr.NewRetrier(limiter).ShouldRetry(failed) {
			t.Fatal("the pause ends the tries")
		}
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "example.com asked for a pause: going on in ") {
		t.Errorf("got %q", told)
	}
	slow := tr.Limiter("slow.example.com")
	tr.delay = 8 * time.Second
	if !tr.NewRetrier(slow).ShouldRetry(failed) {
		t.Fatal("the pause ends the tries")
	}
	if len(told) != 2 || !strings.HasPrefix(told[1], "trying again in ") || !strings.HasSuffix(told[1], ": 503 Service Unavailable") {
		t.Errorf("got %q", told)
	}
}
