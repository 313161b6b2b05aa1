package cli

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
	"github.com/davit-oci/davit/internal/registry"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// exitCode is how the process ends. Scripts rely on the numbers.
type exitCode int

const (
	exitDone        exitCode = 0
	exitNo          exitCode = 1
	exitUsage       exitCode = 2
	exitNotFound    exitCode = 3
	exitDenied      exitCode = 4
	exitRefused     exitCode = 5
	exitNetwork     exitCode = 6
	exitLocal       exitCode = 7
	exitOther       exitCode = 8
	exitInterrupted exitCode = 130
)

// exitCodes is the table of the help text, and the names that errors have in JSON.
var exitCodes = []struct {
	code    exitCode
	name    string
	meaning string
}{
	{exitDone, "done", "done"},
	{exitNo, "no", "the answer is no (diff: they differ)"},
	{exitUsage, "usage", "wrong use: flags, arguments, davit.yaml"},
	{exitNotFound, "notFound", "not found"},
	{exitDenied, "denied", "not allowed: credentials, permissions of the registry"},
	{exitRefused, "refused", "content refused: digest or size mismatch, unsafe path, bomb"},
	{exitNetwork, "network", "registry or network failed after retries"},
	{exitLocal, "local", "local files: disk full, no permission, changed while reading"},
	{exitOther, "other", "anything else"},
	{exitInterrupted, "interrupted", "interrupted"},
}

// ExitCode is a line of the table of exit codes.
type ExitCode struct {
	Code    int
	Meaning string
}

// ExitCodes returns the exit codes of davit and what they mean.
func ExitCodes() []ExitCode {
	var all []ExitCode
	for _, e := range exitCodes {
		all = append(all, ExitCode{int(e.code), e.meaning})
	}
	return all
}

func (c exitCode) name() string {
	for _, e := range exitCodes {
		if e.code == c {
			return e.name
		}
	}
	return "other"
}

// errNo ends a command whose answer is no and has been printed.
var errNo = errors.New("the answer is no")

// errInterrupted is what every error becomes once a signal came.
var errInterrupted = errors.New("interrupted")

// usageError is a command line that can't be carried out as it stands.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// exitCodeOf is the one place that turns errors into exit codes. The order matters: what was refused stays refused,
// whether it came over a network or out of a file.
func exitCodeOf(err error) exitCode {
	var usage *usageError
	var several *severalError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, errNo):
		return exitNo
	case isUnreadable(err):
		return exitLocal
	case errors.As(err, &usage), errors.As(err, &several), errors.Is(err, artifact.ErrInvalid):
		return exitUsage
	case isRefused(err):
		return exitRefused
	case errors.Is(err, artifact.ErrChanged), errors.Is(err, artifact.ErrKept), errors.Is(err, syscall.ENOSPC):
		return exitLocal
	}
	if code, ok := responseCode(err); ok {
		return code
	}
	switch {
	case isDenied(err):
		return exitDenied
	case errors.Is(err, errdef.ErrNotFound), isMissingFile(err):
		return exitNotFound
	case isNetwork(err):
		return exitNetwork
	case isLocal(err):
		return exitLocal
	}
	return exitOther
}

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

// responseCode is the exit code for what a registry answered.
func responseCode(err error) (exitCode, bool) {
	var response *errcode.ErrorResponse
	if !errors.As(err, &response) {
		return 0, false
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
		return exitDenied, true
	case http.StatusNotFound:
		return exitNotFound, true
	}
	return exitNetwork, true
}

// isUnreadable tells whether a declaration has no other problem than files that can't be read.
func isUnreadable(err error) bool {
	var problems artifact.Problems
	return errors.As(err, &problems) && !slices.ContainsFunc(problems, func(p artifact.Problem) bool { return p.Err == nil })
}

func isDenied(err error) bool {
	var denied *registry.Denied
	return errors.As(err, &denied) || isForbidden(err)
}

// isForbidden tells whether a registry does for nobody what it was asked for.
func isForbidden(err error) bool {
	var answered *registry.Unavailable
	return errors.As(err, &answered) && answered.Answer.Status == http.StatusMethodNotAllowed
}

func isMissingFile(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && !isNetwork(err)
}

func isNetwork(err error) bool {
	var unavailable *registry.Unavailable
	var urlErr *url.Error
	var opErr *net.OpError
	return errors.As(err, &unavailable) || errors.As(err, &urlErr) || errors.As(err, &opErr) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

func isLocal(err error) bool {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	var errno syscall.Errno
	return errors.As(err, &pathErr) || errors.As(err, &linkErr) || errors.As(err, &errno) ||
		errors.Is(err, fs.ErrPermission)
}
