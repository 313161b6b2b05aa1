package backoff_test

import (
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/remote/transport/backoff"
)

func TestOutages(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	var host backoff.Outages
	for _, step := range []struct {
		class      string
		since, now float64 // seconds; if now is 0, the request succeeds
		want       float64 // start of the outage
	}{
		{"GET", 10, 12, 10},
		{"GET", 13, 14, 10},    // another request: the same outage
		{"PUT", 14, 15, 14},    // another class
		{"GET", 70, 75, 10},    // after the longest pause
		{"GET", 140, 141, 140}, // longer after the last failure: a new outage
		{"GET", 0, 0, 0},
		{"GET", 142, 143, 142},
		{"PUT", 16, 17, 14},
	} {
		if step.now == 0 {
			host.Of(step.class).End()
			continue
		}
		if got := host.Of(step.class).Failed(at(step.since), at(step.now)); !got.Equal(at(step.want)) {
			t.Errorf("%s failing from %v to %v: got an outage since %v, want %v", step.class, step.since, step.now, got.Sub(start).Seconds(), step.want)
		}
	}
}
