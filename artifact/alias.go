package artifact

import "github.com/davit-oci/davit/artifact/spec"

// The types of package spec, under the names that programs use.
type (
	Spec      = spec.Spec
	LayerSpec = spec.LayerSpec

	Plan     = spec.Plan
	Layer    = spec.Layer
	Filter   = spec.Filter
	Packed   = spec.Packed
	Finished = spec.Finished

	Problem  = spec.Problem
	Problems = spec.Problems
	Error    = spec.Error

	Blob         = spec.Blob
	Step         = spec.Step
	Event        = spec.Event
	Progress     = spec.Progress
	ProgressFunc = spec.ProgressFunc
)

// The steps of a transfer.
const (
	Started  = spec.Started
	Advanced = spec.Advanced
	Skipped  = spec.Skipped
	Mounted  = spec.Mounted
	Done     = spec.Done
	Planned  = spec.Planned
)

// The sentinel errors of package spec.
var (
	ErrInvalid = spec.ErrInvalid
	ErrRefused = spec.ErrRefused
	ErrChanged = spec.ErrChanged
	ErrKept    = spec.ErrKept
)

// Refused returns an error about content that is not accepted; see spec.Refused. Inlined, it would add 3 KB to the program.
//
//go:noinline
func Refused(item, format string, args ...any) error { return spec.Refused(item, format, args...) }
