package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/davit-oci/davit/internal/serve/upload"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

const octetStream = "application/octet-stream"

// serveUpload begins an upload, goes on with one, and ends it.
func (h *handler) serveUpload(c *call) error {
	if err := h.toWrite(); err != nil {
		return err
	}
	if c.last == "" {
		if err := allow(c.Request, http.MethodPost); err != nil {
			return err
		}
		return h.startUpload(c)
	}
	if err := allow(c.Request, http.MethodGet, http.MethodPatch, http.MethodPut, http.MethodDelete); err != nil {
		return err
	}
	up, err := h.uploads.Take(c.Context(), c.name, c.last)
	if err != nil {
		return err
	}
	defer up.Release()
	switch c.Method {
	case http.MethodGet:
		c.progress(up)
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPatch:
		return c.patch(up)
	case http.MethodPut:
		return h.finishUpload(c, up)
	}
	err = h.uploads.End(up)
	c.w.WriteHeader(http.StatusNoContent)
	return err
}

// startUpload answers a POST: a mount, a blob in one request, or the place for a new upload.
func (h *handler) startUpload(c *call) error {
	repo, err := h.store.repository(c.Context(), c.name, true)
	if err != nil {
		return err
	}
	query := c.URL.Query()
	if query.Has("mount") {
		mounted, err := h.mount(c, repo, query.Get("mount"), query.Get("from"))
		if mounted || err != nil {
			return err
		}
	}
	var whole digest.Digest
	if query.Has("digest") {
		if whole, err = parseDigest(query.Get("digest")); err != nil {
			return err
		}
	}
	w, ok := repo.layout.(writableLayout)
	if !ok {
		return answer.ErrReadOnly
	}
	up, err := h.uploads.Start(c.Context(), repo.name, w.NewBlob)
	if err != nil {
		return err
	}
	defer up.Release()
	if whole == "" || c.ContentLength == 0 && whole != whole.Algorithm().FromString("") {
		c.progress(up) // without a body, a digest is only announced
		c.w.WriteHeader(http.StatusAccepted)
		return nil
	}
	if err := up.Add(c.Body); err != nil {
		return errors.Join(err, h.uploads.End(up))
	}
	return h.commit(c, up, whole)
}

// commit ends an upload: it becomes a blob if it is what the client says.
func (h *handler) commit(c *call, up *upload.Session, d digest.Digest) error {
	err := up.Blob.Commit(c.Context(), d)
	if closeErr := h.uploads.End(up); err == nil {
		err = closeErr
	}
	switch {
	case errors.Is(err, artifact.ErrRefused):
		return answer.Refuse(http.StatusBadRequest, "DIGEST_INVALID", "what arrived is not %s: %d bytes", d, up.Offset)
	case err != nil:
		return err
	}
	c.created("blobs", d)
	return nil
}

// mount makes a blob of one repository one of another, and answers if it did. That there is none is no error: the
// client sends it then.
func (h *handler) mount(c *call, repo *repository, mount, from string) (bool, error) {
	d, err := parseDigest(mount)
	if err != nil {
		return false, err
	}
	there, err := repo.has(c.Context(), d)
	if !there && err == nil && validName(from) {
		there, err = h.copyFrom(c, repo, d, from)
	}
	if there && err == nil {
		c.created("blobs", d)
	}
	return there, err
}

// copyFrom copies a blob from another layout, if it has it.
func (h *handler) copyFrom(c *call, repo *repository, d digest.Digest, from string) (bool, error) {
	src, err := h.store.repository(c.Context(), from, false)
	var unknown *answer.Error
	switch {
	case errors.As(err, &unknown):
		return false, nil
	case err != nil:
		return false, err
	}
	body, err := src.OpenBlob(d)
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	defer body.Close()
	size, err := body.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	if err != nil {
		return false, err
	}
	return true, repo.Push(c.Context(), ocispec.Descriptor{MediaType: octetStream, Digest: d, Size: size}, body)
}

// progress says how far an upload is and where it goes on.
func (c *call) progress(up *upload.Session) {
	header := c.w.Header()
	header.Set("Location", "/v2/"+c.name+"/blobs/uploads/"+up.ID)
	header.Set("Docker-Upload-Uuid", up.ID)
	header.Set("Range", fmt.Sprintf("0-%d", max(up.Offset-1, 0)))
}

// add appends a request's body, at the place where it says it belongs.
func (c *call) add(up *upload.Session) error {
	where := c.Header.Get("Content-Range")
	if where == "" {
		return up.Add(c.Body)
	}
	first, length, ok := parseContentRange(where)
	switch {
	case !ok:
		return answer.Refuse(http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "Content-Range %q is not FIRST-LAST", where)
	case c.ContentLength >= 0 && c.ContentLength != length:
		return answer.Refuse(http.StatusBadRequest, "SIZE_INVALID", "Content-Range %q of a body of %d bytes", where, c.ContentLength)
	case first != up.Offset:
		c.progress(up)
		return answer.Refuse(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "the upload goes on at %d, not at %d", up.Offset, first)
	}
	return up.Add(io.LimitReader(c.Body, length))
}

// parseContentRange reads FIRST-LAST as the distribution specification writes it, and as HTTP does: "bytes 0-9/*".
func parseContentRange(s string) (first, length int64, ok bool) {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	from, to, _ := strings.Cut(s, "-")
	first, err1 := strconv.ParseInt(from, 10, 62)
	last, err2 := strconv.ParseInt(to, 10, 62)
	return first, last - first + 1, err1 == nil && err2 == nil && 0 <= first && first <= last
}

// patch takes a part of a blob.
func (c *call) patch(up *upload.Session) error {
	if err := c.add(up); err != nil {
		return err
	}
	c.progress(up)
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// finishUpload takes what is left of a blob and stores it.
func (h *handler) finishUpload(c *call, up *upload.Session) error {
	d, err := parseDigest(c.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	if err := c.add(up); err != nil {
		return err
	}
	return h.commit(c, up, d)
}
