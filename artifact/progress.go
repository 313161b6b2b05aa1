package artifact

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// Step is what happened to a descriptor.
type Step int

// The steps of a transfer. Every descriptor ends with exactly one of Skipped, Mounted and Done.
const (
	Started  Step = iota // work on it begins; Size may be -1 where it is not known yet
	Advanced             // Bytes of it are done
	Skipped              // it was there already
	Mounted              // the registry took it from another repository of its own
	Done
)

// Event is one step of one descriptor. Before a blob's digest is known, Descriptor has the media type, size and title
// alone; ID tells which events belong together.
type Event struct {
	Step       Step
	ID         string // the same for all events of one blob in one run: its title, or its digest
	Descriptor ocispec.Descriptor
	Bytes      int64 // done so far
}

// Progress is told what a transfer does, from several goroutines at once.
type Progress interface{ Report(Event) }

// ProgressFunc makes a function a Progress.
type ProgressFunc func(Event)

// Report calls f.
func (f ProgressFunc) Report(e Event) { f(e) }
