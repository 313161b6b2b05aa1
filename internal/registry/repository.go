package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// maxPages bounds a listing that never ends. Registries give 50 to 1000 entries a page.
const maxPages = 10_000

// Repository is a repository of a registry.
type Repository struct {
	client *Client
	ref    Reference // registry and repository
	mode   Mode
	remote *remote.Repository
	origin url.URL // scheme and host of the API

	manifests manifestCache

	mu      sync.Mutex
	mounts  mounting
	newOnce sync.Once
	new     bool
}

var _ interface {
	Target
	registry.ReferenceFetcher
	registry.ReferencePusher
	registry.Mounter
} = (*Repository)(nil)

func newRepository(c *Client, ref Reference, mode Mode) *Repository {
	name := registry.Reference{Registry: ref.Registry, Repository: ref.Repository}
	r := &Repository{client: c, ref: Reference{Registry: ref.Registry, Repository: ref.Repository}, mode: mode,
		origin: url.URL{Scheme: "https", Host: name.Host()}}
	if c.plain(ref.Registry) {
		r.origin.Scheme = "http"
	}
	r.remote = &remote.Repository{
		Client:               r,
		Reference:            name,
		PlainHTTP:            r.origin.Scheme == "http",
		TagListMaxPages:      maxPages,
		ReferrerListMaxPages: maxPages,
		MaxMetadataBytes:     artifact.MaxManifest,
		SkipReferrersGC:      true,
	}
	// oras-go would keep the index of the tag schema itself, without a look at whether another process undid it.
	_ = r.remote.SetReferrersCapability(true) // the first call of a new repository can't fail
	return r
}

// Close ends the use of the repository.
func (r *Repository) Close() error { return nil }

// Do sends a request about metadata with the repository's credentials; oras-go's client calls it. The answer's body is
// in memory: one that broke off was asked for again.
func (r *Repository) Do(req *http.Request) (*http.Response, error) {
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
		data, err := readBounded(resp.Body, artifact.MaxManifest)
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
func (r *Repository) do(req *http.Request) (*http.Response, error) {
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
func (r *Repository) scoped(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, repositoryKey{}, r.ref.Repository)
	if r.mode == Write {
		return auth.AppendRepositoryScope(ctx, r.remote.Reference, auth.ActionPull, auth.ActionPush)
	}
	return auth.AppendRepositoryScope(ctx, r.remote.Reference, auth.ActionPull)
}

func (r *Repository) fail(ctx context.Context, step string, err error) error {
	return fail(ctx, r.ref.Registry, step, err)
}

// named is the reference of something in this repository, for messages.
func (r *Repository) named(reference string) string {
	sep := ":"
	if _, err := digest.Parse(reference); err == nil {
		sep = "@"
	}
	return r.ref.Name() + sep + reference
}

// url is the address of a resource of the repository.
func (r *Repository) url(resource string) string {
	u := r.origin
	u.Path = "/v2/" + r.ref.Repository + "/" + resource
	return u.String()
}

// Resolve gives the descriptor of a tag or digest, with one HEAD where the registry answers it in full.
func (r *Repository) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if err := validIn(reference); err != nil {
		return ocispec.Descriptor{}, badReference(reference, err)
	}
	ctx = r.scoped(ctx)
	desc, err := r.remote.Manifests().Resolve(ctx, reference)
	var noAnswer *url.Error
	if err != nil && !errors.Is(err, errdef.ErrNotFound) && asAnswer(err) == nil && !errors.As(err, &noAnswer) {
		if desc, _, getErr := r.get(ctx, reference); getErr == nil { // a header was missing
			return desc, nil
		}
	}
	return desc, r.fail(ctx, "resolving "+r.named(reference), err)
}

func validIn(reference string) error {
	if d := digest.Digest(reference); d.Validate() == nil {
		return nil
	}
	return ValidTag(reference)
}

// Exists tells whether a blob or manifest is there.
func (r *Repository) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	ctx = r.scoped(ctx)
	ok, err := r.remote.Exists(ctx, desc)
	return ok, r.fail(ctx, "looking for "+desc.Digest.String(), err)
}

// Fetch gives the bytes of a manifest, verified, or of a blob, which the caller verifies.
func (r *Repository) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if !artifact.IsManifest(desc.MediaType) {
		return r.fetchBlob(ctx, desc)
	}
	if data, ok := r.manifests.get(desc.Digest); ok {
		return io.NopCloser(bytes.NewReader(data)), artifact.CheckManifest(desc, data)
	}
	got, data, err := r.get(r.scoped(ctx), desc.Digest.String())
	if err != nil {
		return nil, r.fail(ctx, "fetching "+r.named(desc.Digest.String()), err)
	}
	if got.MediaType != desc.MediaType {
		return nil, artifact.Refused(desc.Digest.String(), "the manifest came as %q, its descriptor says %q", got.MediaType, desc.MediaType)
	}
	if err := artifact.CheckManifest(desc, data); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// FetchReference gives the manifest of a tag or digest with one GET, verified.
func (r *Repository) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	if err := validIn(reference); err != nil {
		return ocispec.Descriptor{}, nil, badReference(reference, err)
	}
	desc, data, err := r.get(r.scoped(ctx), reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, r.fail(ctx, "fetching "+r.named(reference), err)
	}
	return desc, io.NopCloser(bytes.NewReader(data)), nil
}

// manifestTypes is what may come for a manifest.
const manifestTypes = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " +
	"application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, " +
	"application/vnd.oci.artifact.manifest.v1+json"

// get fetches a manifest and checks it; a damaged one a second time.
func (r *Repository) get(ctx context.Context, reference string) (ocispec.Descriptor, []byte, error) {
	desc, data, _, err := r.getOnce(ctx, reference)
	if errors.Is(err, artifact.ErrRefused) {
		r.client.transport.renew()
		desc, data, _, err = r.getOnce(ctx, reference)
	}
	if err == nil {
		r.manifests.put(desc.Digest, data)
		r.client.sawManifest(r.origin.Host, r.ref.Repository, data)
	}
	return desc, data, err
}

func (r *Repository) getOnce(ctx context.Context, reference string) (desc ocispec.Descriptor, data []byte, etag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url("manifests/"+reference), nil)
	if err != nil {
		return desc, nil, "", err
	}
	req.Header.Set("Accept", manifestTypes)
	resp, err := r.Do(req)
	if err != nil {
		return desc, nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return desc, nil, "", answered(resp)
	}
	data, err = readBounded(resp.Body, artifact.MaxManifest)
	if err != nil {
		return desc, nil, "", err
	}
	desc, err = r.described(resp, reference, data)
	return desc, data, resp.Header.Get("ETag"), err
}

// described makes the descriptor of a manifest that came for reference, and checks it.
func (r *Repository) described(resp *http.Response, reference string, data []byte) (ocispec.Descriptor, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	desc := ocispec.Descriptor{MediaType: mediaType, Size: int64(len(data))}
	header := digest.Digest(resp.Header.Get("Docker-Content-Digest"))
	if header.Validate() == nil {
		desc.Digest = header
	}
	if d := digest.Digest(reference); d.Validate() == nil {
		if desc.Digest != "" && desc.Digest != d {
			return desc, artifact.Refused(reference, "the registry calls the manifest %q", desc.Digest)
		}
		desc.Digest = d
	}
	if !artifact.IsManifest(mediaType) {
		desc.MediaType = "" // a registry that names no type, or a plain one: the body says it
	}
	if err := artifact.CheckManifest(desc, data); err != nil {
		return desc, err
	}
	if desc.Digest == "" {
		desc.Digest = digest.FromBytes(data)
	}
	if desc.MediaType == "" {
		desc.MediaType = artifact.ManifestType(data)
	}
	return desc, nil
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

// Push stores a blob, or a manifest under its digest.
func (r *Repository) Push(ctx context.Context, desc ocispec.Descriptor, content io.Reader) error {
	if artifact.IsManifest(desc.MediaType) {
		return r.PushReference(ctx, desc, content, desc.Digest.String())
	}
	return r.pushBlob(ctx, desc, content)
}

// PushReference stores a manifest under a tag, or under its digest, and sees to it that its subject lists it.
func (r *Repository) PushReference(ctx context.Context, desc ocispec.Descriptor, content io.Reader, reference string) error {
	if err := validIn(reference); err != nil {
		return badReference(reference, err)
	}
	data, err := readBounded(content, artifact.MaxManifest)
	if err != nil {
		return err
	}
	if err := artifact.CheckManifest(desc, data); err != nil {
		return err
	}
	return r.putManifest(r.scoped(ctx), desc, data, reference)
}

func (r *Repository) putManifest(ctx context.Context, desc ocispec.Descriptor, data []byte, reference string) error {
	var header http.Header
	put := context.WithValue(ctx, headerKey{}, &header)
	if err := r.remote.Manifests().PushReference(put, desc, bytes.NewReader(data), reference); err != nil {
		return r.fail(ctx, "pushing "+r.named(reference), err)
	}
	r.manifests.put(desc.Digest, data)
	if header.Get("OCI-Subject") != "" {
		return nil // the registry lists it itself
	}
	return r.listReferrer(ctx, desc, data)
}

// Tag gives a manifest that is there another tag.
func (r *Repository) Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error {
	if err := validIn(reference); err != nil {
		return badReference(reference, err)
	}
	ctx = r.scoped(ctx)
	data, ok := r.manifests.get(desc.Digest)
	if !ok {
		var err error
		if _, data, err = r.get(ctx, desc.Digest.String()); err != nil {
			return r.fail(ctx, "fetching "+r.named(desc.Digest.String()), err)
		}
	}
	err := r.remote.Manifests().PushReference(ctx, desc, bytes.NewReader(data), reference)
	return r.fail(ctx, "tagging "+r.named(reference), err)
}

// Untag removes a tag and leaves the manifest.
func (r *Repository) Untag(ctx context.Context, tag string) error {
	if err := ValidTag(tag); err != nil {
		return badReference(tag, err)
	}
	ctx = auth.AppendRepositoryScope(r.scoped(ctx), r.remote.Reference, auth.ActionDelete)
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, r.url("manifests/"+tag), nil)
	if err != nil {
		return err
	}
	resp, err := r.Do(req)
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode/100 != 2 {
			err = answered(resp)
		}
	}
	return r.fail(ctx, "removing the tag "+r.named(tag), err)
}

// Delete removes a manifest or a blob. A referrer leaves the list of its subject.
func (r *Repository) Delete(ctx context.Context, desc ocispec.Descriptor) error {
	ctx = auth.AppendRepositoryScope(r.scoped(ctx), r.remote.Reference, auth.ActionDelete)
	if artifact.IsManifest(desc.MediaType) {
		if err := r.unlistReferrer(ctx, desc); err != nil {
			return err
		}
		r.manifests.drop(desc.Digest)
	}
	return r.fail(ctx, "deleting "+r.named(desc.Digest.String()), r.remote.Delete(ctx, desc))
}

// Tags lists the tags after last, page by page.
func (r *Repository) Tags(ctx context.Context, last string, fn func(tags []string) error) error {
	ctx = r.scoped(ctx)
	var own error
	err := r.remote.Tags(ctx, last, func(tags []string) error {
		own = fn(tags)
		return own
	})
	if own != nil {
		return own
	}
	return r.fail(ctx, "listing the tags of "+r.ref.Name(), err)
}

// manifestCache keeps the last few manifests, so that resolving, fetching and tagging one asks for it once.
type manifestCache struct {
	mu    sync.Mutex
	order []digest.Digest
	data  map[digest.Digest][]byte
	size  int
}

// maxCached bounds what a manifestCache holds.
const maxCached = 2 * artifact.MaxManifest

func (m *manifestCache) get(d digest.Digest) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.data[d]
	return data, ok
}

func (m *manifestCache) put(d digest.Digest, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.data[d]; ok {
		return
	}
	if m.data == nil {
		m.data = map[digest.Digest][]byte{}
	}
	m.data[d], m.order, m.size = data, append(m.order, d), m.size+len(data)
	for m.size > maxCached {
		m.size -= len(m.data[m.order[0]])
		delete(m.data, m.order[0])
		m.order = m.order[1:]
	}
}

func (m *manifestCache) drop(d digest.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.size -= len(m.data[d])
	delete(m.data, d)
	for i, o := range m.order {
		if o == d {
			m.order = append(m.order[:i:i], m.order[i+1:]...)
			break
		}
	}
}
