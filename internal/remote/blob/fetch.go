package blob

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/davit-oci/davit/internal/byterange"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/remote/transport"
	"github.com/davit-oci/davit/internal/untrusted"

	"github.com/davit-oci/davit/artifact"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// FetchRange returns a reader of length bytes of a blob, starting at offset. The bytes are not verified. If the body breaks off,
// the reader requests the rest, until requests have failed for longer than the client's retry limit.
func (r *Store) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if err := untrusted.CheckDigest(desc.Digest); err != nil {
		return nil, artifact.Refused(desc.Digest.String(), "digest: %w", err)
	}
	if offset < 0 || length < 0 || offset > desc.Size || length > desc.Size-offset {
		return nil, artifact.Refused(desc.Digest.String(), "range [%d, %d) exceeds the blob of %d bytes", offset, offset+length, desc.Size)
	}
	ctx, cancel := context.WithCancel(r.WithScope(ctx))
	f := &fetcher{ctx: ctx, cancel: cancel, repo: r, desc: desc, offset: offset, end: offset + length,
		retrier: r.Client.Transport.NewRetrier(r.Client.Transport.Limiter(r.Origin.Host), "blob")}
	if err := f.reopen(nil); err != nil {
		cancel()
		return nil, err
	}
	return f, nil
}

// fetcher reads a range of a blob through as many requests as necessary.
type fetcher struct {
	ctx     context.Context
	cancel  func()
	repo    *Store
	desc    ocispec.Descriptor
	body    io.ReadCloser // nil if not open
	offset  int64         // of the next byte in the blob
	end     int64         // offset after the last byte
	retrier *transport.Retrier
}

// Read implements io.Reader. It returns io.EOF only at the end of the range.
func (f *fetcher) Read(p []byte) (int, error) {
	for {
		if f.offset == f.end {
			f.retrier.Done()
			return 0, io.EOF
		}
		n, err := f.body.Read(p[:min(int64(len(p)), f.end-f.offset)])
		f.offset += int64(n)
		if n > 0 {
			f.retrier.Progress(int64(n))
			return n, nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err := f.reopen(err); err != nil {
			return 0, err
		}
	}
}

// Close cancels the request and closes its body.
func (f *fetcher) Close() error {
	f.cancel()
	if f.body == nil {
		return nil
	}
	return f.body.Close()
}

// reopen requests the missing bytes. cause is the error that ended the last body, or nil for the first request.
func (f *fetcher) reopen(cause error) error {
	step := "fetching " + f.repo.Named(f.desc.Digest.String())
	for {
		if f.body != nil {
			_ = f.body.Close()
			f.body = nil
		}
		if cause != nil {
			if transport.RetryabilityOf(cause) == transport.Never || !f.retrier.ShouldRetry(cause) {
				return f.repo.Wrap(f.ctx, step, cause)
			}
			if err := f.retrier.Wait(f.ctx); err != nil {
				return err
			}
		}
		body, err := f.repo.openRange(f.ctx, f.desc, f.offset, f.end)
		if err == nil {
			f.body = body
			return nil
		}
		if cause == nil || transport.AsResponse(err) != nil { // the transport has retried already
			return manifest.WithAddress(f.desc, f.repo.Wrap(f.ctx, step, err))
		}
		cause = err
	}
}

// openRange requests the bytes [offset, end) of a blob. If the registry does not support ranges, it requests the whole blob and
// skips the bytes before offset.
func (r *Store) openRange(ctx context.Context, desc ocispec.Descriptor, offset, end int64) (io.ReadCloser, error) {
	if offset == end {
		return http.NoBody, nil
	}
	part := offset > 0 || end < desc.Size
	body, err := r.request(ctx, desc, offset, end, part)
	if part && errors.Is(err, ErrWrongRange) {
		body, err = r.request(ctx, desc, offset, end, false)
	}
	return body, err
}

// request requests the range [offset, end) of a blob, or the whole blob if part is not set. If the response has the whole blob, it
// skips the bytes before offset.
func (r *Store) request(ctx context.Context, desc ocispec.Descriptor, offset, end int64, part bool) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL("blobs/"+desc.Digest.String()), nil)
	if err != nil {
		return nil, err
	}
	if part {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, end-1))
	}
	resp, err := r.Send(req)
	if err != nil {
		return nil, err
	}
	err = r.CheckBlobAnswer(resp, desc, offset, end)
	if err == nil && resp.StatusCode == http.StatusOK && offset > 0 {
		_, err = io.CopyN(io.Discard, resp.Body, offset)
	}
	if err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp.Body, nil
}

// CheckBlobAnswer returns an error if a response can't contain the bytes [offset, end) of a blob. It fails with ErrWrongRange if the
// response has another range.
func (r *Store) CheckBlobAnswer(resp *http.Response, desc ocispec.Descriptor, offset, end int64) error {
	switch resp.StatusCode {
	case http.StatusOK:
		if err := decode(resp, desc); err != nil {
			return err
		}
		if resp.ContentLength >= 0 && resp.ContentLength != desc.Size {
			return artifact.Refused(desc.Digest.String(), "size mismatch: want %d bytes, got %d", desc.Size, resp.ContentLength)
		}
	case http.StatusPartialContent:
		if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" { // a range of the encoded bytes
			return fmt.Errorf("%w: with Content-Encoding %q", ErrWrongRange, untrusted.Line(encoding, 100))
		}
		want := byterange.Range{First: offset, Last: end - 1, Size: desc.Size}
		if got, ok := byterange.Parse(resp.Header.Get("Content-Range")); !ok || got != want {
			return fmt.Errorf("%w: %q for bytes %d-%d of %d", ErrWrongRange, untrusted.Line(resp.Header.Get("Content-Range"), 100), offset, end-1, desc.Size)
		}
	default:
		return transport.ResponseError(resp)
	}
	if d := resp.Header.Get("Docker-Content-Digest"); d != "" && d != desc.Digest.String() {
		return artifact.Refused(desc.Digest.String(), "digest mismatch: the registry reports %q", untrusted.Line(d, 200))
	}
	return nil
}

// decode decompresses a response with Content-Encoding gzip, which some object stores and proxies send without being asked. It
// leaves a response unchanged if the header describes the blob itself, which is compressed.
func decode(resp *http.Response, desc ocispec.Descriptor) error {
	if resp.Header.Get("Content-Encoding") != "gzip" || resp.ContentLength == desc.Size {
		return nil
	}
	if resp.ContentLength < 0 && strings.HasSuffix(desc.MediaType, "gzip") {
		return nil
	}
	unzipped, err := gzip.NewReader(resp.Body)
	if err != nil {
		return fmt.Errorf("decoding a response with Content-Encoding gzip: %w", err)
	}
	resp.ContentLength = -1
	resp.Body = struct {
		io.Reader
		io.Closer
	}{unzipped, resp.Body}
	return nil
}

// ErrWrongRange means that the registry did not send the requested range.
var ErrWrongRange = errors.New("wrong Content-Range")
