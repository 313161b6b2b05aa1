package api

import (
	"context"
	"mime"
	"net/http"
	"net/url"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Resolve returns the descriptor of a tag or digest with one HEAD. If the registry refuses HEAD, or its response is
// incomplete, it requests the manifest instead.
func (m *Manifests) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	resp, err := m.sendHead(ctx, reference)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer transport.Drain(resp)
	if isFinal(resp) {
		return ocispec.Descriptor{}, transport.ResponseError(resp)
	}
	if desc, ok := parseHead(resp, reference); ok {
		return desc, nil
	}
	desc, _, err := m.Get(ctx, reference)
	return desc, err
}

// Has reports whether the registry has the manifest d. Unlike Resolve, it accepts a response to HEAD without a descriptor. If the
// registry refuses HEAD, Has gets the manifest.
func (m *Manifests) Has(ctx context.Context, d digest.Digest) (bool, error) {
	resp, err := m.sendHead(ctx, d.String())
	if err != nil {
		return false, err
	}
	defer transport.Drain(resp)
	switch {
	case resp.StatusCode/100 == 2:
		return true, transport.WebPage(resp)
	case resp.StatusCode == http.StatusNotFound:
		return false, nil
	case isFinal(resp):
		return false, transport.ResponseError(resp)
	}
	_, _, err = m.Get(ctx, d.String())
	if IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (m *Manifests) sendHead(ctx context.Context, reference string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, m.api.URL("manifests/"+reference), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", manifestTypes)
	return m.api.Do(req)
}

// isFinal reports whether GET would fail with the same status as this response to HEAD. Some registries and proxies refuse only
// HEAD, with 400, 403, 405, or 501.
func isFinal(resp *http.Response) bool {
	return resp.StatusCode == http.StatusNotFound || transport.IsTransient(resp.StatusCode)
}

// parseHead returns the descriptor in the headers of a response to HEAD, if they are complete.
func parseHead(resp *http.Response, reference string) (ocispec.Descriptor, bool) {
	desc := ocispec.Descriptor{Digest: digest.Digest(resp.Header.Get("Docker-Content-Digest")), Size: resp.ContentLength}
	desc.MediaType, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	want := digest.Digest(reference)
	if desc.Digest == "" && want.Validate() == nil {
		desc.Digest = want
	}
	return desc, resp.StatusCode/100 == 2 && desc.Digest.Validate() == nil && (want.Validate() != nil || want == desc.Digest) &&
		manifest.Is(desc.MediaType) && desc.Size > 0 && desc.Size <= manifest.MaxSize
}

// Delete deletes a resource of the repository: a tag, a manifest, or a blob.
func (r *Repository) Delete(ctx context.Context, resource string) error {
	ctx = auth.AppendRepositoryScope(ctx, r.Name, auth.ActionDelete)
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, r.URL(resource), nil)
	if err != nil {
		return err
	}
	resp, err := r.Do(req)
	if err != nil {
		return err
	}
	defer transport.Drain(resp)
	if resp.StatusCode/100 != 2 || transport.WebPage(resp) != nil {
		return transport.ResponseError(resp)
	}
	return nil
}

// HasBlob reports whether the registry has the blob desc. It compares the size if the response to HEAD has one. If the registry
// refuses HEAD, HasBlob requests the first byte.
func (r *Repository) HasBlob(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	address, err := url.Parse(r.URL("blobs/" + desc.Digest.String()))
	if err != nil {
		return false, err
	}
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		req, err := http.NewRequestWithContext(ctx, method, address.String(), nil)
		if err != nil {
			return false, err
		}
		if method == http.MethodGet {
			req.Header.Set("Range", "bytes=0-0")
		}
		resp, err := r.Send(req)
		if err != nil {
			return false, err
		}
		_ = resp.Body.Close() // unread: a registry that ignores the range would send the whole blob
		switch {
		case resp.StatusCode/100 == 2:
			// A length of 0 may be the length of the response to HEAD, which has no body.
			hasSize := method == http.MethodHead && resp.ContentLength > 0
			return !hasSize || resp.ContentLength == desc.Size, transport.WebPage(resp)
		case resp.StatusCode == http.StatusNotFound:
			return false, nil
		case method == http.MethodGet, isFinal(resp):
			return false, transport.ResponseError(resp)
		}
	}
	return false, nil
}
