package archive

import (
	"errors"
	"fmt"
	"strconv"
)

var (
	// ErrUnsafe is wrapped by every refusal of an entry, whether in a tree to be archived or in an archive to be read.
	ErrUnsafe = errors.New("unsafe archive entry")
	// ErrLimit is wrapped by refusals that other Limits would prevent.
	ErrLimit = errors.New("limit of an archive")
	// ErrOutward is wrapped by refusals of links that lead out of an image, which read.Options.Verbatim would accept.
	ErrOutward = errors.New("link out of an archive")
	// ErrChanged is returned for a file that changed between the walk of its tree and the end of reading it.
	ErrChanged = errors.New("changed while it was read")
	// ErrSkip is returned by the Place functions of options to leave an entry out.
	ErrSkip = errors.New("entry is left out")
	// ErrTruncated is returned for an archive that ends in the middle of an entry.
	ErrTruncated = Refuse("", "the archive ends too early")
)

// UnsafeError is the refusal of an entry or of the archive. It wraps ErrUnsafe.
type UnsafeError struct {
	Name    string // of the entry, as in the archive or the tree; "" if the archive as a whole is refused
	Reason  string
	Limit   bool // whether the error is ErrLimit, too
	Outward bool // whether the error is ErrOutward, too
}

// Error quotes the name, so that its control characters do not reach a terminal.
func (e *UnsafeError) Error() string {
	if e.Name == "" {
		return "archive refused: " + e.Reason
	}
	return "entry " + strconv.Quote(e.Name) + " refused: " + e.Reason
}

// Unwrap returns ErrUnsafe.
func (e *UnsafeError) Unwrap() error { return ErrUnsafe }

// Is reports whether target is ErrLimit and Limit is set, or target is ErrOutward and Outward is set.
func (e *UnsafeError) Is(target error) bool {
	return target == ErrLimit && e.Limit || target == ErrOutward && e.Outward
}

// Outward marks a refusal as ErrOutward. It returns other errors unchanged.
func Outward(err error) error {
	var refused *UnsafeError
	if !errors.As(err, &refused) {
		return err
	}
	return &UnsafeError{Name: refused.Name, Reason: refused.Reason, Outward: true}
}

// Refuse returns an UnsafeError about the entry name. Inlined, it would add 8 KB to the program.
//
//go:noinline
func Refuse(name, format string, args ...any) error {
	return &UnsafeError{Name: name, Reason: fmt.Sprintf(format, args...)}
}

// RefuseLimit returns an UnsafeError about the entry name, which exceeds a limit.
func RefuseLimit(name, format string, args ...any) error {
	return &UnsafeError{Name: name, Reason: fmt.Sprintf(format, args...), Limit: true}
}
