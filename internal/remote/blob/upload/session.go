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

// errMounted reports that opening a session mounted the blob, so that there is nothing to send.
var errMounted = errors.New("mounted")

// post opens a session.
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

// follow adopts the newest address of the session, which must be as safe as the one before.
func (u *upload) follow(resp *http.Response, asked *url.URL) error {
	location := resp.Header.Get("Location")
	if location == "" {
		if u.location != nil {
			return nil
		}
		return transport.Violationf("%s %s opened an upload without a Location", resp.Request.Method, transport.BareURL(asked))
	}
	next, err := asked.Parse(location)
	if err != nil || next.Host == "" || next.Scheme != "https" && next.Scheme != "http" {
		return transport.Violationf("%s %s opened an upload at a Location that is not a URL", resp.Request.Method, transport.BareURL(asked))
	}
	if asked.Scheme == "https" && next.Scheme != "https" {
		return transport.RedirectRefused("an upload's Location that leaves https is refused")
	}
	u.location = u.withPort(next)
	return nil
}

// ask finds out how many bytes the session has. The registry may still be processing those of the request that broke, and a
// part sent meanwhile would be mixed with them, so it is asked until it repeats its response.
func (u *upload) ask(ctx context.Context) error {
	before, failed := int64(-1), 0
	for range maxAsks {
		has, err := u.requestPosition(ctx)
		switch {
		case err != nil && (failed == maxFailedAsks || !isTemporary(err)):
			return err
		case err != nil:
			failed++
			has = before
		case has < 0:
			u.dropSession()
			return nil
		case has == before || has == u.size:
			u.recordArrived(has)
			u.unsure, u.careful = false, true
			return u.shiftRequests(ctx)
		}
		before = has
		if err := pause.For(ctx, askAgain); err != nil {
			return err
		}
	}
	return fmt.Errorf("the session of the upload keeps growing")
}

// shiftRequests sends a few requests that change nothing, once the upload has failed repeatedly: if every nth request meets a fault,
// it changed. The first time it is one request, which is right if every second one fails.
func (u *upload) shiftRequests(ctx context.Context) error {
	if u.fails < 2 {
		return nil
	}
	for range (u.fails - 1) % 3 {
		u.repo.Client.Transport.Renew() // on a connection that was used before, net/http would send the request twice
		resp, err := u.send(ctx, request{method: http.MethodGet, url: u.location})
		if err == nil {
			transport.Drain(resp)
		}
	}
	return context.Cause(ctx)
}

// requestPosition returns how many bytes the session reports; -1: the registry does not know, or its response is wrong.
func (u *upload) requestPosition(ctx context.Context) (int64, error) {
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
	has, ok := u.sessionHas(resp.Header.Get("Range"))
	if !ok || u.size >= 0 && has > u.size {
		return -1, nil
	}
	return has, nil
}

// sessionHas reads the Range of a session. "0-0" means no byte or one.
func (u *upload) sessionHas(value string) (int64, bool) {
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

// recordArrived records how many bytes the registry has.
func (u *upload) recordArrived(offset int64) {
	u.offset = offset
	if offset > u.furthest {
		u.tries.Progress(offset - u.furthest)
		u.furthest, u.stuck, u.fails = offset, 0, 0
	}
	u.report(offset)
}

// dropSession gives up a session that the registry no longer knows. If a broken body ended it, the upload continues in
// finished chunks, which a registry keeps.
func (u *upload) dropSession() {
	if u.begun && u.method != inChunks {
		u.useChunks(firstChunk)
	}
	u.restart()
}

// restart forgets the session.
func (u *upload) restart() { u.session = session{} }

// abandon cancels a session that will not be used again. Errors do not matter: registries clean up.
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
