// Package answer writes responses of the registry protocol, and converts errors to responses.
package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/davit-oci/davit/artifact"
	"oras.land/oras-go/v2/errdef"
)

// Error is a response with an error code of distribution-spec 1.1, section "Error Codes".
type Error struct {
	Status  int
	Code    string
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Refuse returns an *Error with a formatted message. Inlined, it would add 6 KB to the program.
//
//go:noinline
func Refuse(status int, code, format string, args ...any) error {
	return &Error{status, code, fmt.Sprintf(format, args...)}
}

// ErrReadOnly is the response to a request to change a layout that is served read-only.
var ErrReadOnly = Refuse(http.StatusForbidden, "DENIED", "this registry is read-only: it was started without --write")

// BlobUnknown returns the response to a request for a blob that does not exist.
func BlobUnknown(digest string) error {
	return Refuse(http.StatusNotFound, "BLOB_UNKNOWN", "blob %s does not exist", digest)
}

// ManifestUnknown returns the response to a request for a manifest that does not exist.
func ManifestUnknown(reference string) error {
	return Refuse(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest %s does not exist", reference)
}

// NameUnknown returns the response to a request for a repository that does not exist.
func NameUnknown(name string) error {
	return Refuse(http.StatusNotFound, "NAME_UNKNOWN", "repository %q does not exist", name)
}

// BadDigest returns the response to a request with a malformed or unsupported digest.
func BadDigest(d string) error {
	return Refuse(http.StatusBadRequest, "DIGEST_INVALID", "%q is not a valid digest", d)
}

// OrUnknown returns unknown if err is an errdef.ErrNotFound, and err otherwise.
func OrUnknown(err, unknown error) error {
	if errors.Is(err, errdef.ErrNotFound) {
		return unknown
	}
	return err
}

// For returns the response to a request that failed with err. The message contains no paths of the server.
func For(err error) *Error {
	var refused *Error
	var errno syscall.Errno
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, syscall.ENOSPC):
		return &Error{http.StatusInsufficientStorage, "UNKNOWN", "the disk of the layout is full"}
	case errors.As(err, &errno):
		return &Error{http.StatusInternalServerError, "UNKNOWN", "the layout: " + errno.Error()}
	case errors.Is(err, artifact.ErrRefused):
		return &Error{http.StatusInternalServerError, "UNKNOWN", "the layout is damaged; see the server's log"}
	}
	return &Error{http.StatusInternalServerError, "UNKNOWN", "the layout can't be used; see the server's log"}
}

// Write sends an error response.
func Write(w http.ResponseWriter, e *Error) {
	type wire struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Docker-Content-Digest", "Etag"} {
		h.Del(name) // set by the handler that failed
	}
	WriteJSON(w, e.Status, "application/json", map[string][]wire{"errors": {{e.Code, e.Message}}})
}

// WriteJSON sends v as JSON.
func WriteJSON(w http.ResponseWriter, status int, mediaType string, v any) {
	data, err := json.Marshal(v)
	if err != nil { // only raw JSON from a Target can be invalid
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(data) // fails only if the client has disconnected
}
