package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Client sends requests to registries, with or without credentials.
type Client struct {
	Transport *transport.Transport
	Bare      *http.Client // sends no credentials
	auth      *auth.Client
}

// NewClient returns a client that finds credentials in the store creds.
func NewClient(o transport.Options, creds *credentials.Store) *Client {
	t := transport.New(o)
	bare := t.Client()
	return &Client{Transport: t, Bare: bare, auth: &auth.Client{
		Client:   bare,
		Cache:    auth.NewCache(),
		ClientID: "davit",
		Credential: func(ctx context.Context, hostport string) (auth.Credential, error) {
			return creds.Find(ctx, hostport, repositoryOf(ctx))
		},
	}}
}

// Repository sends requests about one repository of a registry.
type Repository struct {
	Client *Client
	Name   registry.Reference // host and repository, without a tag
	write  bool               // request tokens that allow pushing
	Origin url.URL            // scheme and host of the API
}

// NewRepository returns the API of a repository of a host. If write is set, its tokens allow pushing.
func NewRepository(c *Client, host, repository string, write bool) *Repository {
	r := &Repository{Client: c, Name: registry.Reference{Registry: host, Repository: repository}, write: write}
	r.Origin = url.URL{Scheme: "https", Host: r.Name.Host()}
	if c.Transport.Security.IsPlain(host) {
		r.Origin.Scheme = "http"
	}
	return r
}

// WithName returns the API of another repository of the same registry, for reading.
func (r *Repository) WithName(repository string) *Repository {
	return NewRepository(r.Client, r.Name.Registry, repository, false)
}

// FullName returns HOST/REPOSITORY.
func (r *Repository) FullName() string { return r.Name.Registry + "/" + r.Name.Repository }

// metadataLimits limits the memory that decoding a manifest or a page of a list needs. A page of tags has one value for each tag.
var metadataLimits = jsonwalk.Limits{Objects: manifest.Limits.Objects, Values: 2_000_000}

// Do sends a request about metadata with the repository's credentials. It reads the body of a successful GET into memory, and
// repeats the request if the body breaks off.
func (r *Repository) Do(req *http.Request) (*http.Response, error) {
	retrier := r.Client.Transport.NewRetrier(r.Client.Transport.Limiter(req.URL.Host), "metadata")
	for {
		resp, err := r.Send(req)
		if err != nil {
			return nil, err
		}
		// Errors contain this URL, so it must have no secrets.
		printable := *resp.Request
		printable.URL = transport.BareURL(resp.Request.URL)
		resp.Request = &printable
		if req.Method != http.MethodGet || resp.StatusCode != http.StatusOK {
			return resp, nil
		}
		data, err := ReadBounded(resp.Body, manifest.MaxSize)
		_ = resp.Body.Close()
		if err == nil {
			if err := metadataLimits.Check(data); err != nil {
				return nil, artifact.Refused("", "%w", err)
			}
			retrier.Done()
			resp.Body = io.NopCloser(bytes.NewReader(data))
			return resp, nil
		}
		if transport.RetryabilityOf(err) == transport.Never || !retrier.ShouldRetry(err) {
			return nil, err
		}
		if err := retrier.Wait(req.Context()); err != nil {
			return nil, err
		}
	}
}

// Send sends a request with the repository's credentials.
func (r *Repository) Send(req *http.Request) (*http.Response, error) {
	return r.Client.auth.Do(req)
}

// repositoryKey is the context key for the name of a request's repository.
type repositoryKey struct{}

func repositoryOf(ctx context.Context) string {
	name, _ := ctx.Value(repositoryKey{}).(string)
	return name
}

// WithScope returns a context that makes the first token request ask for all permissions that this repository needs.
func (r *Repository) WithScope(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, repositoryKey{}, r.Name.Repository)
	if r.write {
		return auth.AppendRepositoryScope(ctx, r.Name, auth.ActionPull, auth.ActionPush)
	}
	return auth.AppendRepositoryScope(ctx, r.Name, auth.ActionPull)
}

// Wrap is like transport.Wrap, for a request to this repository. A list with too many pages becomes an artifact.ErrRefused.
func (r *Repository) Wrap(ctx context.Context, step string, err error) error {
	if errors.Is(err, errdef.ErrTooManyPages) {
		err = artifact.Refused("", "%w", err)
	}
	var failed *transport.Unavailable
	var violation transport.Violation // an invalid response: the server did answer
	if errors.As(err, &failed) {
		return err // not changed, because other requests can share it
	}
	err = transport.Wrap(ctx, r.Name.Registry, step, err)
	if errors.As(err, &failed) && !errors.As(err, &violation) {
		failed.Answered = r.Client.Transport.Limiter(r.Origin.Host).HasAnswered()
	}
	return err
}

// Named returns the full reference of a tag or digest in this repository, for messages.
func (r *Repository) Named(reference string) string {
	sep := ":"
	if _, err := digest.Parse(reference); err == nil {
		sep = "@"
	}
	return r.FullName() + sep + reference
}

// URL returns the URL of a resource of the repository, such as "tags/list".
func (r *Repository) URL(resource string) string {
	u := r.Origin
	u.Path = "/v2/" + r.Name.Repository + "/" + resource
	return u.String()
}

// CatalogURL returns the URL of the registry's list of repositories.
func (r *Repository) CatalogURL() string {
	u := r.Origin
	u.Path = "/v2/_catalog"
	return u.String()
}

// WithSourceScope returns a context for requests that also need to read from another repository of the same registry.
func (r *Repository) WithSourceScope(ctx context.Context, from string) context.Context {
	if from == r.Name.Repository {
		return ctx
	}
	return auth.AppendRepositoryScope(ctx, registry.Reference{Registry: r.Name.Registry, Repository: from}, auth.ActionPull)
}

// ReadBounded reads all of r. It fails with artifact.ErrRefused if r has more than limit bytes.
func ReadBounded(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, artifact.Refused("", "content too large: limit is %d MiB", limit>>20)
	}
	return data, nil
}
