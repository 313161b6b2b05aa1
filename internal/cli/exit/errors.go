package exit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/tree"
	"oras.land/oras-go/v2/errdef"
)

// ErrNegative ends a command with exit code 1: it has printed a negative result, such as the differences of two artifacts, or the
// user declined. No message is printed for it.
var ErrNegative = errors.New("negative result")

// NegativeError is a negative result with an explanation, such as who signed instead, or which digest a tag has. Its exit code is
// that of ErrNegative.
type NegativeError struct{ Err error }

// Error returns the message of Err.
func (e *NegativeError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *NegativeError) Unwrap() error { return e.Err }

// ErrInterrupted is the error after a signal.
var ErrInterrupted = errors.New("interrupted")

// Continuation returns what a command does not repeat when it is run again after it was interrupted; "" for a command that repeats
// everything. The sizes are those from which uploads (package upload) and downloads (package download) save their state.
func Continuation(command string) string {
	switch command {
	case "push", "attach", "index":
		return "finished blobs are not sent again, and files of 8 MiB or more can continue where they stopped"
	case "copy":
		return "finished blobs are not copied again, and those of 8 MiB or more can continue where they stopped"
	case "pull":
		return "finished blobs are not fetched again, and those of 4 MiB or more continue where they stopped"
	}
	return ""
}

// again returns the hint to run the same command again, with its Continuation.
func again(continuation string) string {
	const hint = "run the same command again"
	if continuation == "" {
		return hint
	}
	return hint + ": " + continuation
}

// StoppedError replaces every error after a signal. Continues is the Continuation of the command.
type StoppedError struct{ Continues string }

// Error returns the message of ErrInterrupted.
func (e *StoppedError) Error() string { return ErrInterrupted.Error() }

// Unwrap returns ErrInterrupted.
func (e *StoppedError) Unwrap() error { return ErrInterrupted }

// Hint returns what the user can do, if the command keeps what it has done.
func (e *StoppedError) Hint() string {
	if e.Continues == "" {
		return ""
	}
	return again(e.Continues)
}

// BrokenError reports a transfer that the registry or the network interrupted.
type BrokenError struct {
	Err       error
	Continues string // the Continuation of the command
}

// Error returns the message of Err.
func (e *BrokenError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *BrokenError) Unwrap() error { return e.Err }

// Hint returns what the user can do.
func (e *BrokenError) Hint() string {
	return again(e.Continues)
}

// SchemeError reports a connection to a registry without TLS that failed although http:// was typed, or because https:// was.
type SchemeError struct {
	Err      error
	typedTLS bool // https:// before the address of this machine
}

// ExplainScheme returns a SchemeError if an error means that a registry has no TLS, and an argument begins with a scheme.
func ExplainScheme(err error, args []string) error {
	if !IsNotTLS(err) {
		return err
	}
	for _, arg := range args {
		scheme, rest, ok := strings.Cut(arg, "://")
		host, _, _ := strings.Cut(rest, "/")
		isTLS := strings.EqualFold(scheme, "https") && reference.IsLoopback(host)
		if ok && (isTLS || strings.EqualFold(scheme, "http")) {
			return &SchemeError{err, isTLS}
		}
	}
	return err
}

// Error returns the message of Err.
func (e *SchemeError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *SchemeError) Unwrap() error { return e.Err }

// Hint returns what the user can do.
func (e *SchemeError) Hint() string {
	if e.typedTLS {
		return "if the registry speaks plain HTTP, add --plain-http, or leave out https://, which requires TLS even on localhost"
	}
	return "if the registry speaks plain HTTP, add --plain-http: http:// in a reference does not enable it"
}

// IsBroken reports whether a connection ended or stalled in the middle of a transfer, or a registry that answered before does not
// answer any more.
func IsBroken(err error) bool {
	var stalled net.Error
	broken := hasStopped(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &stalled) && stalled.Timeout()
	return broken && Of(err) == Network
}

// hasStopped reports whether a registry that answered before cannot be reached any more.
func hasStopped(err error) bool {
	var failed *registry.Unavailable
	return errors.As(err, &failed) && failed.Answered && failed.Answer.Status == 0
}

// TimeoutError replaces every error after the time limit of a command.
type TimeoutError struct {
	After     time.Duration
	Continues string // the Continuation of the command
	Last      error  // error of a request that was about to be retried; may be nil
}

// Error returns the time limit and the last error, if there is one.
func (e *TimeoutError) Error() string {
	if e.Last != nil && !errors.As(e.Last, new(*TimeoutError)) { // the time limit may have ended the last request, too
		return fmt.Sprintf("timed out after %v: %v", e.After, e.Last)
	}
	return fmt.Sprintf("timed out after %v", e.After)
}

// Hint returns what the user can do.
func (e *TimeoutError) Hint() string {
	if hint := hintForCause(e.Last); hint != "" {
		return hint
	}
	if e.Continues == "" {
		return "--timeout sets the limit"
	}
	return again(e.Continues) + "; --timeout sets the limit"
}

// UsageError is an error in the command line or the environment. Hint may have several lines.
type UsageError struct {
	Err  error
	Hint string
}

// Error returns the message of Err.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError without a hint.
func Usagef(format string, args ...any) *UsageError {
	return &UsageError{Err: fmt.Errorf(format, args...)}
}

// MissingError reports that something was not found, with a hint.
type MissingError struct{ Text, Advice string }

// Error returns the text.
func (e *MissingError) Error() string { return e.Text }

// Unwrap returns errdef.ErrNotFound.
func (e *MissingError) Unwrap() error { return errdef.ErrNotFound }

// Hint returns the advice.
func (e *MissingError) Hint() string { return e.Advice }

// FileError returns an error about a file, with the name that the user gave it and its intended use. The hint for a missing
// file is the most similar path.
func FileError(what, name string, err error) *artifact.Error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	e := &artifact.Error{Op: what, Item: name, Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		if near := SimilarPath(name); near != "" {
			e.Hint = fmt.Sprintf("did you mean %q?", near)
		}
	}
	return e
}

// SimilarPath returns the existing path that is most similar to name, or "". It keeps the existing part of name as typed.
func SimilarPath(name string) string {
	dir, rest := filepath.Split(name)
	for {
		if info, err := os.Stat(filepath.Clean(dir)); err == nil && info.IsDir() {
			break
		}
		parent, part := filepath.Split(strings.TrimRight(dir, string(filepath.Separator)))
		if parent == dir {
			return ""
		}
		dir, rest = parent, filepath.Join(part, rest)
	}
	near := tree.Nearby(os.DirFS(filepath.Clean(dir)), filepath.ToSlash(rest))
	if near == "" {
		return ""
	}
	return dir + filepath.FromSlash(near)
}
