package registry

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// apiClient sends requests to registries, with credentials and without.
type apiClient struct {
	transport *transport
	bare      *http.Client // never sends credentials
	auth      *auth.Client
}

func newAPIClient(o transportOptions, creds *credentialStore) *apiClient {
	t := newTransport(o)
	bare := t.client()
	return &apiClient{transport: t, bare: bare, auth: &auth.Client{
		Client:   bare,
		Cache:    auth.NewCache(),
		ClientID: "davit",
		Credential: func(ctx context.Context, hostport string) (auth.Credential, error) {
			return creds.find(ctx, hostport, repositoryOf(ctx))
		},
	}}
}

// apiRepository sends requests about one repository of a registry. It is the HTTP client of oras-go's repository, and of
// the transfers of blobs.
type apiRepository struct {
	client *apiClient
	name   registry.Reference // of the repository; it has no tag
	write  bool               // tokens allow pushing
	origin url.URL            // scheme and host of the API
}

func newAPIRepository(c *apiClient, host, repository string, write bool) *apiRepository {
	r := &apiRepository{client: c, name: registry.Reference{Registry: host, Repository: repository}, write: write}
	r.origin = url.URL{Scheme: "https", Host: r.name.Host()}
	if c.transport.security.plain(host) {
		r.origin.Scheme = "http"
	}
	return r
}

// withName returns the API of another repository of the same registry, for reading.
func (r *apiRepository) withName(repository string) *apiRepository {
	return newAPIRepository(r.client, r.name.Registry, repository, false)
}

// fullName is HOST/REPOSITORY.
func (r *apiRepository) fullName() string { return r.name.Registry + "/" + r.name.Repository }

// Do sends a request about metadata with the repository's credentials; oras-go's client calls it. The answer's body is
// in memory: one that broke off was asked for again.
func (r *apiRepository) Do(req *http.Request) (*http.Response, error) {
	tries := r.client.transport.newTries(r.client.transport.gate(req.URL.Host))
	for {
		resp, err := r.do(req)
		if err != nil {
			return nil, err
		}
		// What oras-go puts into its errors is this URL.
		shown := *resp.Request
		shown.URL = bareURL(resp.Request.URL)
		resp.Request = &shown
		if keep, ok := req.Context().Value(headerKey{}).(*http.Header); ok {
			*keep = resp.Header
		}
		if req.Method != http.MethodGet || resp.StatusCode != http.StatusOK {
			return resp, nil
		}
		data, err := readBounded(resp.Body, manifest.MaxSize)
		_ = resp.Body.Close()
		if err == nil {
			resp.Body = io.NopCloser(bytes.NewReader(data))
			return resp, nil
		}
		if worth(err) == never || !tries.more(err) {
			return nil, err
		}
		if err := tries.wait(req.Context()); err != nil {
			return nil, err
		}
	}
}

// do sends a request with the repository's credentials.
func (r *apiRepository) do(req *http.Request) (*http.Response, error) {
	return r.client.auth.Do(req)
}

// headerKey is where a context has the *http.Header that the answer's header is wanted in.
type headerKey struct{}

// repositoryKey is where a context has the name of the repository a request is about.
type repositoryKey struct{}

func repositoryOf(ctx context.Context) string {
	name, _ := ctx.Value(repositoryKey{}).(string)
	return name
}

// scoped asks for all the rights that this repository will need with the first token.
func (r *apiRepository) scoped(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, repositoryKey{}, r.name.Repository)
	if r.write {
		return auth.AppendRepositoryScope(ctx, r.name, auth.ActionPull, auth.ActionPush)
	}
	return auth.AppendRepositoryScope(ctx, r.name, auth.ActionPull)
}

func (r *apiRepository) fail(ctx context.Context, step string, err error) error {
	return fail(ctx, r.name.Registry, step, err)
}

// named is the reference of something in this repository, for messages.
func (r *apiRepository) named(reference string) string {
	sep := ":"
	if _, err := digest.Parse(reference); err == nil {
		sep = "@"
	}
	return r.fullName() + sep + reference
}

// url is the address of a resource of the repository.
func (r *apiRepository) url(resource string) string {
	u := r.origin
	u.Path = "/v2/" + r.name.Repository + "/" + resource
	return u.String()
}

// scopedFrom asks for the right to read another repository of the registry too.
func (r *apiRepository) scopedFrom(ctx context.Context, from string) context.Context {
	if from == r.name.Repository {
		return ctx
	}
	return auth.AppendRepositoryScope(ctx, registry.Reference{Registry: r.name.Registry, Repository: from}, auth.ActionPull)
}

// readBounded reads all of r, which must not be longer than limit.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, artifact.Refused("", "more than %d bytes", limit)
	}
	return data, nil
}
