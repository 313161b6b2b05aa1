// Package exit decides how davit ends: with which exit code, and with which hint after the error.
package exit

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"syscall"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Code is the exit code of the process. Scripts rely on the numbers.
type Code int

// The exit codes.
const (
	Done        Code = 0
	No          Code = 1
	BadUsage    Code = 2
	NotFound    Code = 3
	Denied      Code = 4
	Refused     Code = 5
	Network     Code = 6
	Local       Code = 7
	Other       Code = 8
	Interrupted Code = 130
)

// Meaning explains an exit code.
type Meaning struct {
	Code Code
	Name string // in JSON errors
	Text string
}

// Codes lists all exit codes, for help and JSON errors.
var Codes = []Meaning{
	{Done, "done", "done"},
	{No, "no", "the answer is no (diff: they differ; verify, lock check: not signed by that key)"},
	{BadUsage, "usage", "usage error: flags, arguments, davit.yaml"},
	{NotFound, "notFound", "not found"},
	{Denied, "denied", "not allowed: credentials, permissions of the registry"},
	{Refused, "refused", "content refused: wrong digest or size, not signed by that key (pull and others), unsafe path, decompression bomb"},
	{Network, "network", "registry or network failed after retries"},
	{Local, "local", "local files: disk full, no permission, changed while reading"},
	{Other, "other", "anything else"},
	{Interrupted, "interrupted", "interrupted"},
}

// Name returns the name of the code in JSON errors.
func (c Code) Name() string {
	for _, m := range Codes {
		if m.Code == c {
			return m.Name
		}
	}
	return "other"
}

// Of returns the exit code for an error. The order matters: refused content stays refused, whether it came over a network or from a file.
func Of(err error) Code {
	var usage *UsageError
	var negative *NegativeError
	var timeout *TimeoutError
	var temporary *TemporaryError
	code, answered := responseCode(err)
	switch {
	case err == nil:
		return Done
	case errors.Is(err, ErrInterrupted), errors.Is(err, context.Canceled):
		return Interrupted
	case errors.Is(err, ErrNegative), errors.As(err, &negative):
		return No
	case errors.As(err, &timeout):
		return Network
	case isUnreadable(err), errors.As(err, &temporary):
		return Local
	case errors.As(err, &usage), errors.Is(err, artifact.ErrInvalid):
		return BadUsage
	case isRefused(err):
		return Refused
	case errors.Is(err, artifact.ErrChanged), errors.Is(err, artifact.ErrKept), errors.Is(err, syscall.ENOSPC):
		return Local
	case answered:
		return code
	case isDenied(err):
		return Denied
	case errors.Is(err, errdef.ErrNotFound), isMissingFile(err):
		return NotFound
	case isNetwork(err):
		return Network
	case isLocal(err):
		return Local
	}
	return Other
}

// isRefused reports whether content was refused: it is unsafe, or does not match its descriptor.
func isRefused(err error) bool {
	for _, refused := range []error{
		artifact.ErrRefused, errdef.ErrSizeExceedsLimit, errdef.ErrInvalidDigest,
		content.ErrMismatchedDigest, content.ErrTrailingData, content.ErrInvalidDescriptorSize,
	} {
		if errors.Is(err, refused) {
			return true
		}
	}
	return false
}

// responseCode returns the exit code for the answer of a registry.
func responseCode(err error) (Code, bool) {
	var response *errcode.ErrorResponse
	if !errors.As(err, &response) {
		return 0, false
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
		return Denied, true
	case http.StatusNotFound:
		return NotFound, true
	}
	return Network, true
}

// isUnreadable reports whether the only problems of a declaration are files that cannot be read.
func isUnreadable(err error) bool {
	var problems artifact.Problems
	return errors.As(err, &problems) && !slices.ContainsFunc(problems, func(p artifact.Problem) bool { return p.Err == nil })
}

// isDenied reports whether a registry refused a request for lack of permission, or disallows it for every user.
func isDenied(err error) bool {
	var denied *registry.Denied
	return errors.As(err, &denied) || isForbidden(err)
}

// isForbidden reports whether the registry disallows the operation for every user.
func isForbidden(err error) bool {
	var answered *registry.Unavailable
	return errors.As(err, &answered) && answered.Answer.Status == http.StatusMethodNotAllowed
}

func isMissingFile(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && !isNetwork(err)
}

// isNetwork reports whether a request to a registry failed, or its response ended early.
func isNetwork(err error) bool {
	var unavailable *registry.Unavailable
	var urlErr *url.Error
	var opErr *net.OpError
	return errors.As(err, &unavailable) || errors.As(err, &urlErr) || errors.As(err, &opErr) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// isLocal reports whether an operation of this machine's file system failed.
func isLocal(err error) bool {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	var errno syscall.Errno
	return errors.As(err, &pathErr) || errors.As(err, &linkErr) || errors.As(err, &errno) ||
		errors.Is(err, fs.ErrPermission)
}
