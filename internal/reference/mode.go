package reference

// Mode says what a target is opened for: which permission is asked for, and whether a layout may be made.
type Mode int

// The modes of Open.
const (
	Read Mode = iota
	Write
)
