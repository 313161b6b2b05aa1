package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/byterange"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/davit-oci/davit/internal/serve/naming"
	"github.com/davit-oci/davit/internal/serve/upload"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

const octetStream = "application/octet-stream"

// serveUpload starts, continues, and ends uploads.
func (h *handler) serveUpload(c *call) error {
	if err := h.checkWritable(); err != nil {
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
		c.setProgress(up)
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

// startUpload answers a POST: it mounts a blob, stores one from a single request, or starts a session.
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
	var want digest.Digest
	if query.Has("digest") {
		if want, err = parseDigest(query.Get("digest")); err != nil {
			return err
		}
	}
	w, ok := repo.layout.(writableLayout)
	if !ok {
		return answer.ErrReadOnly
	}
	up, err := h.uploads.Start(c.Context(), repo.Name, w.NewBlob)
	if err != nil {
		return err
	}
	defer up.Release()
	if want == "" || c.ContentLength == 0 && want != want.Algorithm().FromString("") {
		c.setProgress(up) // later requests send the content
		c.w.WriteHeader(http.StatusAccepted)
		return nil
	}
	if err := up.Add(c.Body); err != nil {
		return fault.Join(err, h.uploads.End(up))
	}
	return h.commit(c, up, want)
}

// commit ends an upload and stores the blob if it has the digest.
func (h *handler) commit(c *call, up *upload.Session, d digest.Digest) error {
	err := up.Blob.Commit(c.Context(), d)
	if closeErr := h.uploads.End(up); err == nil {
		err = closeErr
	}
	switch {
	case errors.Is(err, artifact.ErrRefused):
		return answer.Refuse(http.StatusBadRequest, "DIGEST_INVALID", "digest mismatch: want %s for the %d bytes received", d, up.Offset)
	case err != nil:
		return err
	}
	c.respondCreated("blobs", d)
	return nil
}

// mount copies a blob from another repository and answers the request. For a missing blob, it returns false without an error.
func (h *handler) mount(c *call, repo *repository, mount, from string) (bool, error) {
	d, err := parseDigest(mount)
	if err != nil {
		return false, err
	}
	exists, err := repo.has(c.Context(), d)
	if !exists && err == nil && naming.IsValid(from) {
		exists, err = h.copyFrom(c, repo, d, from)
	}
	if exists && err == nil {
		c.respondCreated("blobs", d)
	}
	return exists, err
}

// copyFrom copies a blob from another layout. It returns false if that layout does not have the blob.
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

// setProgress sets the headers with the URL and the offset of an upload.
func (c *call) setProgress(up *upload.Session) {
	header := c.w.Header()
	header.Set("Location", "/v2/"+c.name+"/blobs/uploads/"+up.ID)
	header.Set("Docker-Upload-Uuid", up.ID)
	header.Set("Range", fmt.Sprintf("0-%d", max(up.Offset-1, 0)))
}

// appendBody appends the body of a request. If the request has a Content-Range, it must start at the end of the upload.
func (c *call) appendBody(up *upload.Session) error {
	contentRange := c.Header.Get("Content-Range")
	if contentRange == "" {
		return up.Add(c.Body)
	}
	part, ok := byterange.Parse(contentRange)
	switch {
	case !ok:
		return answer.Refuse(http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "invalid Content-Range %q: want FIRST-LAST", contentRange)
	case c.ContentLength >= 0 && c.ContentLength != part.Length():
		return answer.Refuse(http.StatusBadRequest, "SIZE_INVALID", "size mismatch: Content-Range %q, body of %d bytes", contentRange, c.ContentLength)
	case part.First != up.Offset:
		c.setProgress(up)
		return answer.Refuse(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "wrong offset: want %d, got %d", up.Offset, part.First)
	}
	return up.Add(io.LimitReader(c.Body, part.Length()))
}

// patch appends a part of a blob.
func (c *call) patch(up *upload.Session) error {
	if err := c.appendBody(up); err != nil {
		return err
	}
	c.setProgress(up)
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// finishUpload appends the rest of a blob and stores it.
func (h *handler) finishUpload(c *call, up *upload.Session) error {
	d, err := parseDigest(c.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	if err := c.appendBody(up); err != nil {
		return err
	}
	return h.commit(c, up, d)
}
