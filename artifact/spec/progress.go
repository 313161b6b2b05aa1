package spec

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// Step is a stage in the transfer of a blob or manifest.
type Step int

// The steps of a transfer. Every descriptor that is Started ends with exactly one of Skipped, Mounted, and Done, unless its
// transfer fails.
const (
	Started  Step = iota // the transfer begins; the size in the descriptor is -1 if it is not known yet
	Advanced             // Event.Bytes are transferred; the first event of a blob has those of an earlier run, or 0
	Skipped              // the target has it already
	Mounted              // the registry mounted it from another of its repositories
	Done
	Planned // it will be transferred, unless the target has it; only some commands report this
)

// Event is one step in the transfer of a blob or manifest. Before a blob's digest is known, Descriptor has only the media
// type, size, and title; ID groups the events of one blob.
type Event struct {
	Step       Step
	ID         string // the same for all events of one blob in one run, and no other: its title or path, which may end in "#2", or its digest
	Descriptor ocispec.Descriptor
	Bytes      int64 // transferred so far
}

// Progress receives the events of a transfer, from several goroutines at once.
type Progress interface{ Report(Event) }

// ProgressFunc is a function that implements Progress.
type ProgressFunc func(Event)

// Report calls f.
func (f ProgressFunc) Report(e Event) { f(e) }
