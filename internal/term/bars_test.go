package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestRender(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	tr := &Transfer{blobs: map[string]*blobProgress{}, start: start}
	tr.record(Update{State: Started, ID: "a", Name: "weights.gguf", Size: 200e6}, start)
	tr.record(Update{State: Moving, ID: "a", Name: "weights.gguf", Size: 200e6}, start)
	tr.record(Update{State: Moving, ID: "a", Name: "weights.gguf", Size: 200e6, Done: 100e6}, start)
	tr.record(Update{State: Skipped, ID: "b", Name: "LICENSE", Size: 11e3}, start)
	got := strings.Join(tr.render(start.Add(2*time.Second), 100, 24), "\n")
	want := strings.Join([]string{
		"weights.gguf                [============             ]  50%  100.0 MB / 200.0 MB   50.0 MB/s    2s",
		"1 of 2 blobs                [============             ]  50%  100.0 MB / 200.0 MB   50.0 MB/s    2s",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSummary checks the line about a long transfer, which counts planned blobs, too.
func TestSummary(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	tr := &Transfer{blobs: map[string]*blobProgress{}, start: start}
	if got := tr.Summary(start.Add(10 * time.Second)); got != "no transfer yet" {
		t.Errorf("before the first blob: got %q, want no transfer yet", got)
	}
	for _, u := range []Update{
		{State: Planned, ID: "a", Name: "weights.gguf", Size: 200e6},
		{State: Planned, ID: "b", Name: "LICENSE", Size: 11e3},
		{State: Planned, ID: "c", Name: "more.gguf", Size: 100e6},
		{State: Started, ID: "a", Name: "weights.gguf", Size: 200e6},
		{State: Moving, ID: "a", Name: "weights.gguf", Size: 200e6},
		{State: Moving, ID: "a", Name: "weights.gguf", Size: 200e6, Done: 100e6},
		{State: Skipped, ID: "b", Name: "LICENSE", Size: 11e3},
		{State: Planned, ID: "b", Name: "LICENSE", Size: 11e3}, // another manifest has this blob, too
	} {
		tr.record(u, start)
	}
	got, want := tr.Summary(start.Add(10*time.Second)), "1 of 3 blobs, 100.0 MB of 300.0 MB (33%), 10.0 MB/s, 20s left"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if lines := tr.render(start.Add(10*time.Second), 100, 24); len(lines) != 2 {
		t.Errorf("got the bars %q, want none for blobs that were not started", lines)
	}
	tr.record(Update{State: Started, ID: "d", Name: "unknown", Size: -1}, start)
	got, want = tr.Summary(start.Add(20*time.Second)), "1 of 4 blobs, 100.0 MB, "
	if !strings.HasPrefix(got, want) || strings.Contains(got, "left") {
		t.Errorf("got %q, want %q and the rate", got, want)
	}
}

// TestResumed checks that the rate and the time left do not count the bytes of an earlier run.
func TestResumed(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	for _, earlier := range []int64{0, 1e6, 20e6, 27e6} {
		tr := &Transfer{blobs: map[string]*blobProgress{}, start: start}
		for _, u := range []Update{
			{State: Started, ID: "a", Name: "big.bin", Size: 30e6},
			{State: Moving, ID: "a", Name: "big.bin", Size: 30e6, Done: earlier},
			{State: Started, ID: "b", Name: "whole", Size: 30e6}, // complete, which is not known yet
			{State: Moving, ID: "b", Name: "whole", Size: 30e6, Done: 30e6},
			{State: Done, ID: "b", Name: "whole", Size: 30e6},
			{State: Moving, ID: "a", Name: "big.bin", Size: 30e6, Done: earlier + 2e6},
		} {
			tr.record(u, start)
		}
		left := fmt.Sprintf("%ds", (28e6-earlier)/2e5)
		if got, want := tr.Summary(start.Add(10*time.Second)), ", 200.0 kB/s, "+shortDuration(float64(28e6-earlier)/2e5)+" left"; !strings.HasSuffix(got, want) {
			t.Errorf("%d bytes from before: got %q, want %q", earlier, got, want)
		}
		for _, line := range tr.render(start.Add(10*time.Second), 100, 24) {
			if !strings.Contains(line, " 200.0 kB/s ") || earlier > 20e6 && !strings.HasSuffix(strings.TrimSpace(line), left) {
				t.Errorf("%d bytes from before: got %q, want 200.0 kB/s, and %s at the end", earlier, line, left)
			}
		}
	}
}

// TestNothingLeft checks that no time left is shown after the last byte, while the registry confirms it.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	tr := &Transfer{blobs: map[string]*blobProgress{}, start: start}
	tr.record(Update{State: Started, ID: "a", Name: "a", Size: 7e6}, start)
	tr.record(Update{State: Moving, ID: "a", Name: "a", Size: 7e6}, start)
	tr.record(Update{State: Moving, ID: "a", Name: "a", Size: 7e6, Done: 7e6}, start)
	if got, want := tr.Summary(start.Add(10*time.Second)), "0 of 1 blob, 7.0 MB of 7.0 MB (100%), 700.0 kB/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, line := range tr.render(start.Add(20*time.Second), 100, 24) {
		if strings.Contains(line, " 0s") {
			t.Errorf("got %q, want no time left", line)
		}
	}
}

// TestUnknownRate checks that the rate and the time left are shown only when they are known, and that a narrow terminal does not cut
// numbers.
func TestUnknownRate(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	tr := &Transfer{blobs: map[string]*blobProgress{}, start: start}
	tr.record(Update{State: Started, ID: "a", Name: "weights.gguf", Size: 200e6}, start)
	tr.record(Update{State: Moving, ID: "a", Name: "weights.gguf", Size: 200e6}, start)
	tr.record(Update{State: Moving, ID: "a", Name: "weights.gguf", Size: 200e6, Done: 19}, start)
	for _, line := range append(tr.render(start.Add(900*time.Millisecond), 100, 24), tr.Summary(start.Add(950*time.Millisecond))) {
		if strings.Contains(line, "/s") || strings.Contains(line, ">99h") || strings.Contains(line, "left") {
			t.Errorf("got %q, want no rate and no time left", line)
		}
	}
	tr.record(Update{State: Moving, ID: "a", Name: "weights.gguf", Size: 200e6, Done: 100e6}, start)
	for width, want := range map[int]string{
		80: "weights.gguf      [=======        ]  50%  100.0 MB / 200.0 MB   50.0 MB/s    2s",
		50: "weights.gguf  [=====      ]  50%  50.0 MB/s    2s", 40: "weights.gguf       50%  50.0 MB/s    2s", 24: "weights.gguf  50%    2s", 16: "weights.g…  50%",
	} {
		if got := strings.TrimSpace(tr.render(start.Add(2*time.Second), width, 24)[0]); got != want {
			t.Errorf("width %d: got %q, want %q", width, got, want)
		}
	}
}

func TestRenderFits(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	tr := &Transfer{blobs: map[string]*blobProgress{}, start: start}
	for _, name := range []string{"a", "b", "c", strings.Repeat("ü", 200), "e\x1b[2J", "模型模型模型模型模型模型模型"} {
		tr.record(Update{State: Started, ID: name, Name: name, Size: -1}, start)
		tr.record(Update{State: Moving, ID: name, Name: name, Size: -1, Done: 12345}, start)
	}
	for width := 1; width < 200; width++ {
		lines := tr.render(start.Add(time.Second), width, 6)
		if len(lines) != 5 {
			t.Fatalf("got %d lines on a terminal of 6 lines, want 5", len(lines))
		}
		for _, line := range lines {
			if n := Width(line); n > width || strings.ContainsRune(line, 0x1b) {
				t.Errorf("width %d: got %d columns, want at most the width, and no escapes: %q", width, n, line)
			}
		}
	}
}

func TestShortDuration(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0: "0s", 99: "99s", 185: "3m05s", 7620: "2h07m", 1e9: ">99h"} {
		if got := shortDuration(seconds); got != want {
			t.Errorf("%v: got %s, want %s", seconds, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{-1: "?", 0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB",
		999_950: "1.0 MB", 2_147_483_648: "2.1 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// TestDumbTerminal checks that a terminal without control sequences gets lines, not bars.
func TestDumbTerminal(t *testing.T) {
	t.Parallel()
	for isDumb, want := range map[bool]bool{false: true, true: false} {
		c := &Console{w: io.Discard, terminal: os.Stdout, IsDumb: isDumb}
		tr, stop := c.StartTransfer()
		if hasBars := c.bars != nil; hasBars != want || tr == nil {
			t.Errorf("dumb %v: got bars %v, want %v", isDumb, hasBars, want)
		}
		stop()
	}
}
