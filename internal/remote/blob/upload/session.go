package upload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/remote/transport"
)

// errMounted means that the registry mounted the blob instead of opening a session.
var errMounted = errors.New("mounted")

// post opens a session. If query requests a mount, post fails with errMounted if the registry mounted the blob.
func (u *upload) post(ctx context.Context, query url.Values) error {
	address := u.repo.URL("blobs/uploads/")
	if query != nil {
		address += "?" + query.Encode()
	}
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	resp, err := u.send(ctx, request{method: http.MethodPost, url: at})
	if err != nil {
		return err
	}
	defer transport.Drain(resp)
	switch {
	case resp.StatusCode == http.StatusCreated && query != nil:
		return errMounted
	case resp.StatusCode/100 != 2, transport.WebPage(resp) != nil:
		return transport.ResponseError(resp)
	}
	if err := u.follow(resp, at); err != nil {
		return err
	}
	u.least, _ = strconv.ParseInt(resp.Header.Get("OCI-Chunk-Min-Length"), 10, 64)
	if u.least > 0 && (u.size < 0 || u.size > u.least) {
		u.useChunks(max(u.chunk, firstChunk))
	}
	u.saveState()
	return nil
}

// follow sets the session's URL to the Location of a response, which later responses may omit. It fails if the Location is not a
// URL, or changes https to http.
func (u *upload) follow(resp *http.Response, requested *url.URL) error {
	location := resp.Header.Get("Location")
	if location == "" {
		if u.location != nil {
			return nil
		}
		return transport.Violationf("%s %s opened an upload without a Location", resp.Request.Method, transport.BareURL(requested))
	}
	next, err := requested.Parse(location)
	if err != nil || next.Host == "" || next.Scheme != "https" && next.Scheme != "http" {
		return transport.Violationf("%s %s opened an upload at a Location that is not a URL", resp.Request.Method, transport.BareURL(requested))
	}
	if requested.Scheme == "https" && next.Scheme != "https" {
		return transport.RedirectRefused("an upload's Location that leaves https is refused")
	}
	u.location = u.withPort(next)
	return nil
}

// queryOffset determines how many bytes of the blob the session has. The registry may still be storing bytes of the broken request, and would
// mix them with a part that is sent meanwhile. So queryOffset repeats the query until two responses are equal.
func (u *upload) queryOffset(ctx context.Context) error {
	before, failed := int64(-1), 0
	for range maxQueries {
		offset, err := u.requestOffset(ctx)
		switch {
		case err != nil && (failed == maxFailedQueries || !isTemporary(err)):
			return err
		case err != nil:
			failed++
			offset = before
		case offset < 0:
			u.dropSession()
			return nil
		case offset == before || offset == u.size:
			u.recordArrived(offset)
			u.unsure, u.expectContinue = false, true
			return u.shiftRequests(ctx)
		}
		before = offset
		if err := pause.For(ctx, queryInterval); err != nil {
			return err
		}
	}
	return fmt.Errorf("the offset of the upload session keeps changing")
}

// shiftRequests sends extra requests that have no effect, after repeated failures. If every nth request to the registry fails,
// they shift the failures to other requests of the upload. The first time, it sends a single request, which helps if every second
// request fails.
func (u *upload) shiftRequests(ctx context.Context) error {
	if u.fails < 2 {
		return nil
	}
	for range (u.fails - 1) % 3 {
		u.repo.Client.Transport.Renew() // if a reused connection breaks, net/http sends the request again
		resp, err := u.send(ctx, request{method: http.MethodGet, url: u.location})
		if err == nil {
			transport.Drain(resp)
		}
	}
	return context.Cause(ctx)
}

// requestOffset returns the number of bytes that the registry reports for the session, or -1 if it does not know the session or
// reports an invalid number.
func (u *upload) requestOffset(ctx context.Context) (int64, error) {
	resp, err := u.send(ctx, request{method: http.MethodGet, url: u.location})
	if err != nil {
		return 0, err
	}
	defer transport.Drain(resp)
	switch status := resp.StatusCode; {
	case status/100 == 2:
	case transport.IsTransient(status), status == http.StatusUnauthorized, status == http.StatusForbidden:
		return 0, transport.ResponseError(resp)
	default:
		return -1, nil
	}
	if err := u.follow(resp, u.location); err != nil {
		return 0, err
	}
	offset, ok := u.parseRange(resp.Header.Get("Range"))
	if !ok || u.size >= 0 && offset > u.size {
		return -1, nil
	}
	return offset, nil
}

// parseRange returns the number of bytes that a session's Range header reports, or false if the header is invalid. "0-0" means one
// byte if emptyIsOne is set, otherwise no bytes.
func (u *upload) parseRange(value string) (int64, bool) {
	first, last, ok := strings.Cut(strings.TrimPrefix(value, "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	if !ok || first != "0" || err != nil || n < 0 {
		return 0, false
	}
	if n == 0 && !u.emptyIsOne {
		return 0, true
	}
	return n + 1, true
}

// recordArrived records that the registry has the bytes before an offset.
func (u *upload) recordArrived(offset int64) {
	u.offset = offset
	if offset > u.furthest {
		u.retrier.Progress(offset - u.furthest)
		u.furthest, u.stuck, u.fails = offset, 0, 0
	}
	u.report(offset)
}

// dropSession drops a session that the registry no longer knows. If a broken body ended the session, the blob is sent in chunks
// from then on, because a registry keeps complete chunks.
func (u *upload) dropSession() {
	if u.begun && u.method != inChunks {
		u.useChunks(firstChunk)
	}
	u.restart()
}

// restart clears the state of the session.
func (u *upload) restart() { u.session = session{} }

// abandon cancels the session, unless another process can continue it. It ignores errors, because registries remove old sessions.
func (u *upload) abandon(ctx context.Context) {
	if u.location == nil || u.state.isKept() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if resp, err := u.send(ctx, request{method: http.MethodDelete, url: u.location}); err == nil {
		transport.Drain(resp)
	}
	u.location = nil
}
