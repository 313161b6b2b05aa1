package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

var (
	// ErrUnsafe is behind every refusal of an entry: what a tree holds that no archive may, or what an archive holds
	// that is not unpacked.
	ErrUnsafe = errors.New("unsafe archive entry")
	// ErrLimit is behind those refusals that other Limits would let pass.
	ErrLimit = errors.New("limit of an archive")
	// ErrChanged says that a file was changed between the walk and the end of its reading.
	ErrChanged = errors.New("changed while it was read")
)

// UnsafeError is a refusal: errors.Is(err, ErrUnsafe). It names the entry.
type UnsafeError struct {
	Name   string // of the entry as the archive or the tree has it; "" when the archive as a whole is refused
	Reason string
	Limit  bool // whether it is ErrLimit
}

// Error quotes the name, so that no control character of it reaches a terminal.
func (e *UnsafeError) Error() string {
	if e.Name == "" {
		return "archive refused: " + e.Reason
	}
	return "entry " + strconv.Quote(e.Name) + " refused: " + e.Reason
}

// Unwrap gives ErrUnsafe.
func (e *UnsafeError) Unwrap() error { return ErrUnsafe }

// Is tells whether one of the Limits is exceeded.
func (e *UnsafeError) Is(target error) bool { return target == ErrLimit && e.Limit }

// beyond makes an UnsafeError about a limit.
func beyond(name, format string, args ...any) error {
	return &UnsafeError{Name: name, Reason: fmt.Sprintf(format, args...), Limit: true}
}

// refuse makes an UnsafeError.
func refuse(name, format string, args ...any) error {
	return &UnsafeError{Name: name, Reason: fmt.Sprintf(format, args...)}
}

// Entry is one thing that a walk found: a directory, a regular file or a symbolic link. It is kept small, since a tree
// may have millions.
type Entry struct {
	Name string // slash path below the tree's directory; "." is the directory itself
	// Link is the target of a symbolic link, or, of a regular file, the Name of the entry it is a hard link to.
	Link    string
	Size    int64 // of a regular file's content
	ModTime int64 // nanoseconds since 1970
	// Ino and CTime (nanoseconds) tell, with Size and ModTime, whether a file is still the one that was walked. They
	// are zero where the file system has no such thing.
	Ino   uint64
	CTime int64
	Mode  fs.FileMode
}

// HardLink tells whether e is a further name of an earlier entry.
func (e Entry) HardLink() bool { return e.Mode.IsRegular() && e.Link != "" }
