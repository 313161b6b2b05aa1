package reference

// Mode is the purpose that a target is opened for: it decides which permission is requested, and whether a layout may
// be created.
type Mode int

// The modes of Open.
const (
	Read Mode = iota
	Write
)
