package reference

// Mode is the purpose for which a target is opened: it determines the requested permission, and whether a layout may be
// created.
type Mode int

// Modes for opening a target.
const (
	Read Mode = iota
	Write
)
