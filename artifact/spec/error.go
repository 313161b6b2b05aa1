package spec

import (
	"errors"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/fault"
	"github.com/opencontainers/go-digest"
)

// The sentinel errors that callers test for. "Not found" is errdef.ErrNotFound of oras-go or fs.ErrNotExist, passed on unchanged.
var (
	// ErrInvalid means that the declaration (davit.yaml, a kind file, an argument) can't be packed as it is.
	ErrInvalid = errors.New("invalid declaration")
	// ErrRefused means that content from elsewhere is not accepted, such as a digest mismatch, a size mismatch, an unsafe
	// path, or a decompression bomb.
	ErrRefused = errors.New("content refused")
	// ErrChanged means that a file changed while it was read.
	ErrChanged = errors.New("changed while it was read")
	// ErrKept means that a file in the destination has different content and is not overwritten.
	ErrKept = errors.New("not overwritten")
)

// Error is a failure that a user can act on. It names the operation and the object.
type Error struct {
	Op   string // what was being done: "packing", "pulling"; may be empty
	Item string // the file, reference, or digest
	Err  error  // the cause
	Hint string // what to do, if only the library knows ("did you mean …?"); never a flag of the CLI
}

// Error returns 'op "item": cause', or only the cause if the item is a digest that the cause already contains.
func (e *Error) Error() string {
	if cause := e.Err.Error(); strings.Contains(cause, e.Item) && digest.Digest(e.Item).Validate() == nil {
		return cause
	}
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + " ")
	}
	if e.Item != "" {
		fmt.Fprintf(&b, "%q: ", e.Item)
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refused returns an error about content that is not accepted. It wraps ErrRefused, names the item, and formats the reason.
func Refused(item, format string, args ...any) error {
	return &Error{Item: item, Err: fault.As(fmt.Errorf(format, args...), ErrRefused)}
}

// Invalid marks err as an error of the declaration: the result has the same text, and wraps both err and ErrInvalid.
func Invalid(err error) error { return fault.As(err, ErrInvalid) }

// Errors lists failures that were found together.
type Errors []error

// Error returns one line per failure.
func (e Errors) Error() string { return errors.Join(e...).Error() }

// Unwrap returns the failures.
func (e Errors) Unwrap() []error { return e }

// Split returns the failures in Errors, or else err alone, or nil for nil.
func Split(err error) []error {
	var several Errors
	if err == nil || errors.As(err, &several) {
		return several
	}
	return []error{err}
}
