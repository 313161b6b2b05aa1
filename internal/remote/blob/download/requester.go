package download

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/davit-oci/davit/internal/remote/blob"
	"github.com/davit-oci/davit/internal/remote/transport"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// errNoRanges means that the registry does not support ranges, or not reliably.
var errNoRanges = errors.New("the registry does not support ranges")

// brokenBody is the error of a response whose body broke off.
type brokenBody struct{ error }

// Unwrap returns the error of reading the body.
func (b *brokenBody) Unwrap() error { return b.error }

// requester sends the requests for one blob.
type requester struct {
	repo *blob.Store
	desc ocispec.Descriptor

	mu     sync.Mutex
	direct *url.URL // URL to which the registry redirects requests for this blob; nil if unknown
}

// send requests a part of the blob or, if ranges is not set, the whole blob. If the registry has redirected an earlier request,
// send requests the part from that URL. If the URL has expired, it sends the request to the registry again.
func (r *requester) send(ctx context.Context, part span, ranges bool) (*http.Response, error) {
	ctx = transport.WithSettings(ctx, transport.Settings{Once: true})
	rangeHeader := ""
	if ranges && (part.From > 0 || part.To < r.desc.Size) {
		rangeHeader = fmt.Sprintf("bytes=%d-%d", part.From, part.To-1)
	}
	if direct := r.directURL(); direct != nil {
		resp, err := get(ctx, r.repo.Client.Bare.Do, direct.String(), rangeHeader)
		if err != nil || resp.StatusCode/100 != 4 || transport.IsTransient(resp.StatusCode) {
			return resp, err
		}
		_ = resp.Body.Close()
	}
	resp, err := get(ctx, r.repo.Send, r.address(), rangeHeader)
	if err == nil {
		r.remember(resp)
	}
	return resp, err
}

func get(ctx context.Context, do func(*http.Request) (*http.Response, error), address, rangeHeader string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if rangeHeader != "" {
		req.Header.Set("Range", rangeHeader)
	}
	return do(req)
}

func (r *requester) address() string { return r.repo.URL("blobs/" + r.desc.Digest.String()) }

func (r *requester) directURL() *url.URL {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.direct
}

// remember stores the URL to which the registry redirected a request, so that the next part needs no redirect.
func (r *requester) remember(resp *http.Response) {
	final := resp.Request.URL
	r.mu.Lock()
	defer r.mu.Unlock()
	r.direct = nil
	if resp.StatusCode/100 == 2 && final.String() != r.address() {
		r.direct = final
	}
}
