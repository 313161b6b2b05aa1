package artifact

import (
	"errors"
	"fmt"
	"strings"
)

// The sentinels that callers branch on. What is not found is errdef.ErrNotFound of oras-go or fs.ErrNotExist, as it
// comes.
var (
	// ErrInvalid: the declaration (davit.yaml, a kind file, an argument) can't be packed as it is.
	ErrInvalid = errors.New("invalid declaration")
	// ErrRefused: content that came from elsewhere is not accepted: a digest or size that differs, an unsafe path,
	// a bomb.
	ErrRefused = errors.New("content refused")
	// ErrChanged: a file was changed while it was read.
	ErrChanged = errors.New("changed while it was read")
	// ErrKept: a file in the destination was changed by somebody else and is not overwritten.
	ErrKept = errors.New("not overwritten")
)

// Error is a failure that a person can act on. It names what it is about.
type Error struct {
	Op   string // what was being done: "packing", "pulling"; may be empty
	Item string // the file, reference or digest it is about
	Err  error  // the cause
	Hint string // what to do, where only the library knows ("did you mean …?"); never a flag of the CLI
}

// Error is "op "item": cause".
func (e *Error) Error() string {
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

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refused makes an error about content that is not accepted: errors.Is(err, ErrRefused), with item named and the reason
// formatted.
func Refused(item, format string, args ...any) error {
	return &Error{Item: item, Err: reason{ErrRefused, fmt.Errorf(format, args...)}}
}

// reason is a cause with a sentinel behind it that is not part of the text.
type reason struct{ is, err error }

func (r reason) Error() string   { return r.err.Error() }
func (r reason) Unwrap() []error { return []error{r.is, r.err} }
