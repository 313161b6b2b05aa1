// Package answer writes responses of the registry protocol, and turns errors into them.
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

func (e *Error) Error() string { return e.Message }

// Refuse returns an *Error.
func Refuse(status int, code, format string, args ...any) error {
	return &Error{status, code, fmt.Sprintf(format, args...)}
}

// ErrReadOnly answers requests to change a layout that is served for reading.
var ErrReadOnly = Refuse(http.StatusForbidden, "DENIED", "this registry is read-only: it was started without --write")

// BlobUnknown answers a request for a blob that does not exist.
func BlobUnknown(what string) error {
	return Refuse(http.StatusNotFound, "BLOB_UNKNOWN", "blob %s does not exist", what)
}

// ManifestUnknown answers a request for a manifest that does not exist.
func ManifestUnknown(what string) error {
	return Refuse(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest %s does not exist", what)
}

// NameUnknown answers a request for a repository that does not exist.
func NameUnknown(name string) error {
	return Refuse(http.StatusNotFound, "NAME_UNKNOWN", "repository %q does not exist", name)
}

// BadDigest answers a request with a malformed or unsupported digest.
func BadDigest(d string) error {
	return Refuse(http.StatusBadRequest, "DIGEST_INVALID", "%q is not a valid digest", d)
}

// OrUnknown returns unknown if err says that something was not found, and err otherwise.
func OrUnknown(err, unknown error) error {
	if errors.Is(err, errdef.ErrNotFound) {
		return unknown
	}
	return err
}

// For returns the response to a request that failed with err. Errors of the server are described without the paths in them.
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
		h.Del(name) // of a response that was started
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
	_, _ = w.Write(data) // the client has disconnected
}
