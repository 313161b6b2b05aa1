package printer

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// event is a line of --progress json.
type event struct {
	Event     string        `json:"event"` // planned, started, advanced, skipped, mounted, done, note, warning, or debug
	ID        string        `json:"id,omitempty"`
	Name      string        `json:"name,omitempty"`
	Digest    digest.Digest `json:"digest,omitempty"` // empty if it is not known yet
	MediaType string        `json:"mediaType,omitempty"`
	Size      *int64        `json:"size,omitempty"`    // absent if it is not known yet
	Resumed   int64         `json:"resumed,omitempty"` // the part of Bytes that existed before this run
	Bytes     *int64        `json:"bytes,omitempty"`   // done so far
	Message   string        `json:"message,omitempty"`
}

// writeEvent writes one line to standard error.
func (p *Printer) writeEvent(e event) {
	_ = writeLine(p.Stderr, e) // a failure can't be reported anywhere else
}

// writeLine writes v as a line of JSON, in one piece: other goroutines may write to w, too.
func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		var escaped bytes.Buffer
		_, _ = term.JSONWriter{W: &escaped}.Write(append(line, '\n')) // a bytes.Buffer does not fail
		_, err = w.Write(escaped.Bytes())
	}
	return err
}

// advanceInterval is the least time between two events about the bytes of one blob.
const advanceInterval = time.Second

// eventWriter writes the events of a transfer.
type eventWriter struct {
	p    *Printer
	mu   sync.Mutex
	last map[string]advance // the last event about the bytes of a blob, by ID
}

// advance is the progress of a blob at some time.
type advance struct {
	at      time.Time
	bytes   int64
	resumed int64 // bytes of the first event
}

func newEventWriter(p *Printer) *eventWriter { return &eventWriter{p: p, last: map[string]advance{}} }

// Report writes an event. It skips progress that has no new bytes or comes within a second of the last event about the same blob.
func (w *eventWriter) Report(e artifact.Event) {
	names := map[artifact.Step]string{
		artifact.Planned: "planned", artifact.Started: "started", artifact.Advanced: "advanced",
		artifact.Skipped: "skipped", artifact.Mounted: "mounted", artifact.Done: "done",
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	line := event{
		Event: names[e.Step], ID: e.ID, Name: e.Descriptor.Annotations[ocispec.AnnotationTitle], Digest: e.Descriptor.Digest, MediaType: e.Descriptor.MediaType,
	}
	if e.Descriptor.Size >= 0 {
		line.Size = &e.Descriptor.Size
	}
	if e.Step == artifact.Advanced {
		last, hasLast := w.last[e.ID]
		now := time.Now()
		if e.Bytes == last.bytes || now.Sub(last.at) < advanceInterval {
			w.last[e.ID] = last // a first event without bytes: nothing existed before
			return
		}
		if !hasLast {
			last.resumed = e.Bytes
		}
		w.last[e.ID] = advance{now, e.Bytes, last.resumed}
		line.Bytes, line.Resumed = &e.Bytes, last.resumed
	}
	w.p.writeEvent(line)
}
