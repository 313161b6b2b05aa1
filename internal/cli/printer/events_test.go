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

// TestEvents checks that --progress json reports the bytes of a blob once a second, and only if there are more.
func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		console := term.NewConsole(&out)
		console.Mode = term.ProgressJSON
		progress, stop := (&printer.Printer{Stderr: console}).StartProgress()
		defer stop()
		for _, done := range []int64{1, 2, 2, 2, 2, 3} {
			for range 3 {
				progress.Report(artifact.Event{ID: "a", Step: artifact.Advanced, Bytes: done})
				time.Sleep(600 * time.Millisecond)
			}
		}
		for _, want := range []string{`"bytes":1}`, `"bytes":2}`, `"bytes":3}`} {
			if n := strings.Count(out.String(), want); n != 1 {
				t.Errorf("%d events with %s, want 1:\n%s", n, want, &out)
			}
		}
	})
}
