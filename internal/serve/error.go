package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/davit-oci/davit/artifact"
	"oras.land/oras-go/v2/errdef"
)

// apiError is an answer that says no, with a code of distribution-spec 1.1, section "Error Codes".
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return e.message }

func refuse(status int, code, format string, args ...any) error {
	return &apiError{status, code, fmt.Sprintf(format, args...)}
}

// errReadOnly refuses what would change a layout that is served for reading.
var errReadOnly = refuse(http.StatusForbidden, "DENIED", "this registry is read-only: it was started without --write")

func blobUnknown(what string) error {
	return refuse(http.StatusNotFound, "BLOB_UNKNOWN", "blob %s is not there", what)
}

func manifestUnknown(what string) error {
	return refuse(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest %s is not there", what)
}

func nameUnknown(name string) error {
	return refuse(http.StatusNotFound, "NAME_UNKNOWN", "repository %q is not there", name)
}

func badDigest(d string) error {
	return refuse(http.StatusBadRequest, "DIGEST_INVALID", "%q is no digest that is known here", d)
}

// orUnknown makes an answer of what a Target did not find.
func orUnknown(err, unknown error) error {
	if errors.Is(err, errdef.ErrNotFound) {
		return unknown
	}
	return err
}

// answerFor is the answer for any error. What went wrong on this side is told without the paths that are in it.
func answerFor(err error) *apiError {
	var answer *apiError
	var errno syscall.Errno
	switch {
	case errors.As(err, &answer):
		return answer
	case errors.Is(err, syscall.ENOSPC):
		return &apiError{http.StatusInsufficientStorage, "UNKNOWN", "the disk of the layout is full"}
	case errors.As(err, &errno):
		return &apiError{http.StatusInternalServerError, "UNKNOWN", "the layout: " + errno.Error()}
	case errors.Is(err, artifact.ErrRefused):
		return &apiError{http.StatusInternalServerError, "UNKNOWN", "the layout is damaged; the server's output says where"}
	}
	return &apiError{http.StatusInternalServerError, "UNKNOWN", "the layout can't be used; the server's output says why"}
}

// writeError sends an answer that says no.
func writeError(w http.ResponseWriter, e *apiError) {
	type wire struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Docker-Content-Digest", "Etag"} {
		h.Del(name) // of an answer that was begun
	}
	writeJSON(w, e.status, "application/json", map[string][]wire{"errors": {{e.code, e.message}}})
}

func writeJSON(w http.ResponseWriter, status int, mediaType string, v any) {
	data, err := json.Marshal(v)
	if err != nil { // descriptors and strings: only raw JSON that a Target made up could be it
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client is gone: nobody to tell
}
