package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"time"

	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/hashing"
	"github.com/opencontainers/go-digest"
)

// request is one request of an upload.
type request struct {
	method       string
	url          *url.URL
	length       int64                         // of the body, or -1 if unknown
	open         func() (io.ReadCloser, error) // opens the body; nil without a body
	contentRange string
	commits      bool // the request ends the session, so the registry may take long to answer
}

// slowestCommit is the lowest rate, in bytes per second, at which a registry commits a session. It may copy or hash the blob again.
const slowestCommit = 20 << 20

// send sends a request once. It sends credentials only to the origin of the registry.
func (u *upload) send(ctx context.Context, r request) (*http.Response, error) {
	client := u.repo.Client
	s := transport.Settings{Once: true, Activity: transport.NewActivity(client.Transport.Stall)}
	if r.commits && u.size > 0 {
		s.Activity.CommitStall = client.Transport.Stall + time.Duration(float64(u.size)/slowestCommit*float64(time.Second))
	}
	req, err := http.NewRequestWithContext(transport.WithSettings(ctx, s), r.method, r.url.String(), nil)
	if err != nil {
		return nil, err
	}
	if r.open != nil {
		u.failed.Store(nil)
		if req.Body, err = r.open(); err != nil {
			return nil, &transport.SourceError{Err: err}
		}
		req.GetBody, req.ContentLength = r.open, r.length
		req.Header.Set("Content-Type", "application/octet-stream")
		if u.expectContinue {
			req.Header.Set("Expect", "100-continue")
			req.Close = true // otherwise net/http sends the body after a refusal, to keep the connection
		}
		defer u.watch(s.Activity, max(r.length, 0))()
	}
	if r.contentRange != "" {
		req.Header.Set("Content-Range", r.contentRange)
	}
	do := client.Bare.Do
	if isSameOrigin(r.url, &u.repo.Origin) {
		do = u.repo.Send
	}
	resp, err := do(req)
	if failed := u.failed.Load(); failed != nil { // the cause of err
		if err == nil {
			transport.Drain(resp)
		}
		return nil, failed
	}
	if err != nil && r.url.Host != u.repo.Origin.Host {
		u.addPort(r.url, err)
		err = &transport.Elsewhere{What: "uploads", URL: transport.BareURL(r.url).String(), Err: transport.WithoutURL(err)}
	}
	return resp, err
}

// addPort makes the upload continue at the registry's own port if the registry sent a URL of its host without a port, and the
// connection was refused. Behind a proxy that removes the port from the header Host, registries send such URLs.
func (u *upload) addPort(at *url.URL, err error) {
	if errors.Is(err, syscall.ECONNREFUSED) && at.Port() == "" {
		u.portMissing = true
		u.location = u.withPort(u.location)
	}
}

// withPort returns a URL with the registry's own port if addPort found that the registry omits it.
func (u *upload) withPort(at *url.URL) *url.URL {
	own := &u.repo.Origin
	if at == nil || !u.portMissing || at.Port() != "" || at.Hostname() != own.Hostname() || at.Scheme != own.Scheme {
		return at
	}
	with := *at
	with.Host = own.Host
	return &with
}

// isSameOrigin reports whether two URLs have the same scheme, host, and port.
func isSameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		switch {
		case u.Port() != "":
			return u.Port()
		case u.Scheme == "https":
			return "443"
		}
		return "80"
	}
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && port(a) == port(b)
}

// watch reports the number of sent bytes, and saves the state every second, until stop is called.
func (u *upload) watch(activity *transport.Activity, length int64) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	offset := u.offset
	wg.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for saved := time.Now(); ; {
			select {
			case <-done:
				return
			case now := <-tick.C:
				sent := activity.Sent.Load()
				if length > 0 {
					sent = min(sent, length)
				}
				u.report(offset + sent)
				if now.Sub(saved) > time.Second {
					u.saveState()
					saved = now
				}
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// blobBody reads a blob or a part of it, and records the end of the blob or the error in the upload.
type blobBody struct {
	io.Closer
	r       io.Reader
	upload  *upload
	at, end int64 // offsets of the next byte and, if bounded is set, of the end
	bounded bool
}

// Read implements io.Reader.
func (b *blobBody) Read(p []byte) (int, error) {
	if b.bounded {
		if b.at >= b.end {
			return 0, io.EOF
		}
		p = p[:min(int64(len(p)), b.end-b.at)]
	}
	n, err := b.r.Read(p)
	b.at += int64(n)
	if errors.Is(err, io.EOF) && b.bounded && b.at < b.end {
		err = &artifact.Error{Op: "uploading", Item: b.upload.name(), Err: fmt.Errorf("%w: blob ends after %d bytes", artifact.ErrChanged, b.at)}
	}
	switch {
	case errors.Is(err, io.EOF):
		b.upload.ended.Store(b.at)
	case err != nil:
		b.upload.failed.Store(&transport.SourceError{Err: err})
	}
	return n, err
}

// readAhead is a reader that hashes each block when it reads it.
type readAhead struct {
	r    io.Reader
	sum  *prefixHash
	at   int64 // offset of the next block
	buf  []byte
	rest []byte // unread bytes of the newest block
	err  error  // the error returned with the newest block
}

// newReadAhead returns a readAhead for r, whose first byte is at the offset at of a blob of size bytes (-1 if unknown).
func newReadAhead(r io.Reader, sum *prefixHash, at, size int64) *readAhead {
	n := int64(aheadBuffer)
	if size >= 0 {
		n = min(n, max(size-at, 1))
	}
	return &readAhead{r: r, sum: sum, at: at, buf: make([]byte, n)}
}

// Read implements io.Reader.
func (a *readAhead) Read(p []byte) (int, error) {
	if len(a.rest) == 0 && a.err == nil {
		a.readBlock()
	}
	n := copy(p, a.rest)
	if a.rest = a.rest[n:]; len(a.rest) > 0 {
		return n, nil
	}
	return n, a.err
}

// readBlock reads and hashes a block.
func (a *readAhead) readBlock() {
	n, err := a.r.Read(a.buf)
	a.rest, a.err = a.buf[:n], err
	a.sum.add(a.rest, a.at)
	a.at += int64(n)
}

// prefixHash hashes a blob from its first byte to its last, each byte once, even if parts of the blob are sent several times.
type prefixHash struct {
	mu   sync.Mutex
	hash *hashing.Hash
	at   int64 // number of hashed bytes
}

func newPrefixHash(g *hashing.Group) *prefixHash {
	return &prefixHash{hash: g.New(digest.Canonical.Hash())}
}

// close closes the hash. Afterwards, add does nothing: a broken request may still be reading a body.
func (s *prefixHash) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hash.Close()
	s.hash = nil
}

// add hashes the bytes of p that are not hashed yet, unless bytes before p are missing. The first byte of p is at the offset at of
// the blob.
func (s *prefixHash) add(p []byte, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hash == nil {
		return
	}
	if skip := s.at - at; skip >= 0 && skip < int64(len(p)) {
		_, _ = s.hash.Write(p[skip:])
		s.at += int64(len(p)) - skip
	}
}

func (s *prefixHash) position() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// state returns the number of hashed bytes and the state of the hash, so that another process can continue.
func (s *prefixHash) state() (int64, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := s.hash.MarshalBinary()
	if err != nil {
		return 0, nil
	}
	return s.at, data
}

// restore continues from a saved state, or from the first byte if the state is invalid.
func (s *prefixHash) restore(at int64, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = 0
	if s.hash.UnmarshalBinary(data) == nil {
		s.at = at
	}
}

// hashRest hashes the bytes of the blob that are not hashed yet.
func (u *upload) hashRest(ctx context.Context) error {
	at := u.sum.position()
	if at >= u.size && u.size >= 0 {
		return nil
	}
	rc, err := u.blob.Open(at)
	if err != nil {
		return err
	}
	defer func() { _ = rc.Close() }()
	ahead := newReadAhead(rc, u.sum, at, u.size)
	for ahead.err == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		ahead.readBlock()
	}
	if errors.Is(ahead.err, io.EOF) {
		return nil
	}
	return ahead.err
}

// measure computes the digest and size if the digest is unknown. It fails with artifact.ErrChanged if the size has changed.
func (u *upload) measure(ctx context.Context) error {
	if u.digest != "" {
		return nil
	}
	if err := u.hashRest(ctx); err != nil {
		return &transport.SourceError{Err: err}
	}
	u.sum.mu.Lock()
	defer u.sum.mu.Unlock()
	if u.size >= 0 && u.sum.at != u.size {
		return &artifact.Error{Op: "uploading", Item: u.name(), Err: fmt.Errorf("%w: size mismatch: want %d bytes, got %d", artifact.ErrChanged, u.size, u.sum.at)}
	}
	u.size = u.sum.at
	u.digest = digest.NewDigest(digest.Canonical, u.sum.hash)
	return nil
}
