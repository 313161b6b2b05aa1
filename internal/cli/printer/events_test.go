package printer_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/term"
)

// TestEvents checks that --progress json reports the bytes of a blob at most once a second, and only if their number grew.
func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		console := term.NewConsole(&out)
		console.Mode = term.ProgressJSON
		progress, stop := (&printer.Printer{Stderr: console}).StartProgress()
		defer stop()
		for _, done := range []int64{0, 1, 2, 2, 2, 2, 3} {
			for range 3 {
				progress.Report(artifact.Event{ID: "a", Step: artifact.Advanced, Bytes: done})
				progress.Report(artifact.Event{ID: "continued", Step: artifact.Advanced, Bytes: done + 10})
				time.Sleep(600 * time.Millisecond)
			}
		}
		if text := out.String(); strings.Contains(text, `"bytes":0`) || strings.Contains(text, `"resumed":0`) {
			t.Errorf("got an event with 0 bytes:\n%s", text)
		}
		for _, want := range []string{
			`"id":"a","size":0,"bytes":1}`, `"id":"a","size":0,"bytes":2}`, `"id":"a","size":0,"bytes":3}`,
			`"id":"continued","size":0,"resumed":10,"bytes":10}`, `"id":"continued","size":0,"resumed":10,"bytes":11}`, `"id":"continued","size":0,"resumed":10,"bytes":13}`,
		} {
			if n := strings.Count(out.String(), want); n != 1 {
				t.Errorf("got %d events with %s, want 1:\n%s", n, want, &out)
			}
		}
	})
}

// writeCounter counts calls of Write.
type writeCounter struct{ writes, lines int }

func (c *writeCounter) Write(p []byte) (int, error) {
	c.writes++
	c.lines += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

// TestEventInOneWrite checks that each event is written with one call of Write, also if it has escaped characters. Otherwise events of
// several goroutines could mix.
func TestEventInOneWrite(t *testing.T) {
	t.Parallel()
	var c writeCounter
	console := term.NewConsole(&c)
	console.Mode = term.ProgressJSON
	p := &printer.Printer{Stderr: console}
	for _, line := range []string{"plain", "a\u202eb\u202ec", "\u200b", "é"} {
		p.PrintDebug(line)
	}
	if c.writes != 4 || c.lines != 4 {
		t.Errorf("got %d lines in %d writes, want 4 in 4", c.lines, c.writes)
	}
}
