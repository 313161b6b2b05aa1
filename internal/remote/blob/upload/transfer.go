package upload

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/davit-oci/davit/internal/remote/transport"
	"github.com/davit-oci/davit/internal/untrusted"

	"github.com/davit-oci/davit/artifact"
)

// useChunks switches to chunks of n bytes, within the limits of the registry.
func (u *upload) useChunks(n int64) {
	u.method = inChunks
	u.chunk = max(n, u.least)
}

// transfer sends the missing bytes of the session and finishes it.
func (u *upload) transfer(ctx context.Context) error {
	if u.method == inPut && u.offset == 0 {
		if err := u.measure(ctx); err != nil {
			return err
		}
		return u.put(ctx, u.size)
	}
	for !u.isComplete() {
		if err := u.patch(ctx); err != nil {
			return err
		}
	}
	if err := u.measure(ctx); err != nil {
		return err
	}
	return u.put(ctx, 0)
}

// isComplete reports whether the registry has all bytes. It returns false as long as the size of the blob is unknown.
func (u *upload) isComplete() bool { return u.size >= 0 && u.offset == u.size }

// patch sends one part: a chunk, or all missing bytes.
func (u *upload) patch(ctx context.Context) error {
	length := int64(-1)
	if u.size >= 0 {
		length = u.size - u.offset
	}
	if u.method == inChunks {
		if length < 0 {
			return u.patchBuffered(ctx)
		}
		length = min(length, u.chunk)
	}
	return u.patchWith(ctx, length, func() (io.ReadCloser, error) { return u.openBody(length) })
}

// patchBuffered sends a chunk of a blob of unknown size.
func (u *upload) patchBuffered(ctx context.Context) error {
	body, err := u.openBody(-1)
	if err != nil {
		return &transport.SourceError{Err: err}
	}
	data, err := io.ReadAll(io.LimitReader(body, max(u.least, bufferedChunk)))
	_ = body.Close()
	if err != nil {
		return &transport.SourceError{Err: err}
	}
	if len(data) == 0 { // the blob ended at a chunk boundary
		u.size = u.offset
		return nil
	}
	return u.patchWith(ctx, int64(len(data)), func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
}

// patchWith sends a part of length bytes (-1 if unknown), which open returns.
func (u *upload) patchWith(ctx context.Context, length int64, open func() (io.ReadCloser, error)) error {
	req := request{method: http.MethodPatch, url: u.location, length: length, open: open}
	if length >= 0 {
		req.contentRange = fmt.Sprintf("%d-%d", u.offset, u.offset+length-1)
	}
	u.unsure, u.begun = true, true
	resp, err := u.send(ctx, req)
	if ended := u.ended.Load(); ended > 0 && u.size < 0 {
		u.size = ended
	}
	if err != nil {
		return err
	}
	defer transport.Drain(resp)
	if resp.StatusCode/100 != 2 || transport.WebPage(resp) != nil { // the specification requires 202, but ECR answers 201
		return transport.ResponseError(resp)
	}
	if err := u.follow(resp, u.location); err != nil {
		return err
	}
	if length < 0 {
		u.size = u.ended.Load() // the whole blob was sent
		length = u.size - u.offset
	}
	if offset, ok := u.parseRange(resp.Header.Get("Range")); ok && offset > u.offset && offset < u.offset+length {
		u.recordArrived(offset) // the registry stored fewer bytes than were sent
		return nil
	}
	u.unsure, u.expectContinue = false, false
	u.recordArrived(u.offset + length)
	u.saveState()
	return nil
}

// put finishes the session. Its body has length bytes: the whole blob, or none.
func (u *upload) put(ctx context.Context, length int64) error {
	if err := u.checkUnchanged(); err != nil {
		return err
	}
	at := *u.location
	if at.RawQuery != "" {
		at.RawQuery += "&"
	}
	at.RawQuery += "digest=" + url.QueryEscape(u.digest.String())
	u.unsure, u.finished, u.ours, u.begun = true, true, true, length > 0
	req := request{method: http.MethodPut, url: &at, length: length, commits: true}
	if length > 0 {
		req.open = func() (io.ReadCloser, error) { return u.openBody(length) }
	}
	resp, err := u.send(ctx, req)
	if err != nil {
		return err
	}
	defer transport.Drain(resp)
	if resp.StatusCode/100 != 2 || transport.WebPage(resp) != nil {
		return transport.ResponseError(resp)
	}
	if d := resp.Header.Get("Docker-Content-Digest"); d != "" && d != u.digest.String() {
		return artifact.Refused(u.digest.String(), "the registry stored the blob as %q", untrusted.Line(d, 200))
	}
	return nil
}

// openBody opens the blob at the offset, for length bytes, or up to its end if length is -1. If the digest is unknown, the body hashes bytes just
// before they are sent, while they are in the core's cache. Using sendfile with a separate hash saves the client no time, and a
// registry on the same machine takes a quarter longer, because it copies from memory that is not in the cache.
func (u *upload) openBody(length int64) (io.ReadCloser, error) {
	rc, err := u.blob.Open(u.offset)
	if err != nil {
		return nil, err
	}
	if f, ok := rc.(*os.File); ok && u.size >= 0 && u.opened == nil {
		if u.opened, err = f.Stat(); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	body := &blobBody{Closer: rc, r: rc, upload: u, at: u.offset, end: u.offset + length, bounded: length >= 0}
	if u.digest == "" {
		body.r = newReadAhead(rc, u.sum, u.offset, u.size)
	}
	return body, nil
}

// checkUnchanged fails with artifact.ErrChanged if the blob's file was replaced or changed since it was first opened.
func (u *upload) checkUnchanged() error {
	if u.opened == nil {
		return nil
	}
	rc, err := u.blob.Open(0)
	if err != nil {
		return err
	}
	defer func() { _ = rc.Close() }()
	f, ok := rc.(*os.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err == nil && (info.Size() != u.opened.Size() || !info.ModTime().Equal(u.opened.ModTime()) || !os.SameFile(info, u.opened)) {
		err = &artifact.Error{Op: "uploading", Item: f.Name(), Err: artifact.ErrChanged}
	}
	return err
}
