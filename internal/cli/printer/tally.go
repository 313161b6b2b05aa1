package printer

import (
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
)

// Tally counts the blobs of a transfer, and passes its events on.
type Tally struct {
	Count int   `json:"count"` // blobs that were sent
	Size  int64 `json:"size"`  // of the sent blobs, in bytes
	There int   `json:"there"` // blobs that the target had or mounted; 0 if none was asked about

	mu   sync.Mutex
	next artifact.Progress
}

// NewTally returns a Tally that passes events on to next, which may be nil.
func NewTally(next artifact.Progress) *Tally { return &Tally{next: next} }

// Report counts an event.
func (t *Tally) Report(e artifact.Event) {
	t.mu.Lock()
	switch e.Step {
	case artifact.Done:
		t.Count++
		t.Size += max(0, e.Descriptor.Size)
	case artifact.Skipped, artifact.Mounted:
		t.There++
	}
	t.mu.Unlock()
	if t.next != nil {
		t.next.Report(e)
	}
}

// String returns the counts as text.
func (t *Tally) String() string {
	text := term.Size(t.Size) + " in " + term.Plural(t.Count, "blob")
	switch t.There {
	case 0:
		return text
	case 1:
		return text + "; 1 other exists already"
	}
	return text + "; " + term.Plural(t.There, "other") + " exist already"
}
