package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
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
	api       *apiRepository
	remote    *remote.Repository
	blobs     *blobStore
	manifests *manifestStore
	referrers *referrerLister
}

var _ interface {
	Target
	registry.ReferenceFetcher
	registry.ReferencePusher
	registry.Mounter
} = (*Repository)(nil)

func newRepository(c *Client, ref Reference, mode Mode) *Repository {
	api := newAPIRepository(c.http, ref.Registry, ref.Repository, mode == Write)
	r := &Repository{api: api, blobs: &blobStore{apiRepository: api, shared: c.blobs}}
	r.remote = &remote.Repository{
		Client:               api,
		Reference:            api.name,
		PlainHTTP:            r.api.origin.Scheme == "http",
		TagListMaxPages:      maxPages,
		ReferrerListMaxPages: maxPages,
		MaxMetadataBytes:     manifest.MaxSize,
		SkipReferrersGC:      true,
	}
	// oras-go would keep the index of the tag schema itself, without a look at whether another process undid it.
	_ = r.remote.SetReferrersCapability(true) // the first call of a new repository can't fail
	r.manifests = &manifestStore{api: api, saw: func(data []byte) { c.blobs.sawManifest(api.origin.Host, api.name.Repository, data) }}
	r.referrers = &referrerLister{api: api, remote: r.remote, manifests: r.manifests, serial: c.serial, lockDir: cacheDir(c.opts.CacheDir, "locks")}
	return r
}

// FetchRange gives length bytes of a blob from offset on, unverified. The reader mends itself: when the body breaks off,
// it asks for the rest, as long as that brings bytes within the time that one thing may keep failing.
func (r *Repository) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	return r.blobs.FetchRange(ctx, desc, offset, length)
}

// FetchFile writes the verified blob to dst/name. A large one comes in parts over several connections; what an earlier,
// interrupted call has left in dst/name and its journal, dst/name.state, is not fetched again. On an error both stay for
// the next call. Report is told how many bytes are there, and how many of them from the start of the file on, from one
// goroutine at a time; it may be nil. Two calls must not work on the same file at once.
func (r *Repository) FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) error {
	return r.blobs.FetchFile(ctx, desc, dst, name, report)
}

// PushBlob stores a blob, with as few bytes sent as the registry allows; a broken upload goes on where the registry says
// it stands. Report is told how many bytes the registry has, from one goroutine at a time; it may be nil.
func (r *Repository) PushBlob(ctx context.Context, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error) {
	return r.blobs.PushBlob(ctx, b, report)
}

// Mount takes a blob from another repository of the registry, or else sends what getContent gives.
func (r *Repository) Mount(ctx context.Context, desc ocispec.Descriptor, fromRepo string, getContent func() (io.ReadCloser, error)) error {
	return r.blobs.Mount(ctx, desc, fromRepo, getContent)
}

// Close ends the use of the repository.
func (r *Repository) Close() error { return nil }

// Resolve gives the descriptor of a tag or digest, with one HEAD where the registry answers it in full.
func (r *Repository) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if err := validIn(reference); err != nil {
		return ocispec.Descriptor{}, badReference(reference, err)
	}
	ctx = r.api.scoped(ctx)
	desc, err := r.remote.Manifests().Resolve(ctx, reference)
	var noAnswer *url.Error
	if err != nil && !errors.Is(err, errdef.ErrNotFound) && asAnswer(err) == nil && !errors.As(err, &noAnswer) {
		if desc, _, getErr := r.manifests.get(ctx, reference); getErr == nil { // a header was missing
			return desc, nil
		}
	}
	return desc, r.api.fail(ctx, "resolving "+r.api.named(reference), err)
}

func validIn(reference string) error {
	if d := digest.Digest(reference); d.Validate() == nil {
		return nil
	}
	return ValidTag(reference)
}

// Exists tells whether a blob or manifest is there.
func (r *Repository) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	ctx = r.api.scoped(ctx)
	ok, err := r.remote.Exists(ctx, desc)
	return ok, r.api.fail(ctx, "looking for "+desc.Digest.String(), err)
}

// Fetch gives the bytes of a manifest, verified, or of a blob, which the caller verifies.
func (r *Repository) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if !manifest.Is(desc.MediaType) {
		return r.blobs.FetchRange(ctx, desc, 0, desc.Size)
	}
	if data, ok := r.manifests.cached(desc.Digest); ok {
		return io.NopCloser(bytes.NewReader(data)), manifest.Check(desc, data)
	}
	got, data, err := r.manifests.get(r.api.scoped(ctx), desc.Digest.String())
	if err != nil {
		return nil, r.api.fail(ctx, "fetching "+r.api.named(desc.Digest.String()), err)
	}
	if got.MediaType != desc.MediaType {
		return nil, artifact.Refused(desc.Digest.String(), "the manifest came as %q, its descriptor says %q", got.MediaType, desc.MediaType)
	}
	if err := manifest.Check(desc, data); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// FetchReference gives the manifest of a tag or digest with one GET, verified.
func (r *Repository) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	if err := validIn(reference); err != nil {
		return ocispec.Descriptor{}, nil, badReference(reference, err)
	}
	desc, data, err := r.manifests.get(r.api.scoped(ctx), reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, r.api.fail(ctx, "fetching "+r.api.named(reference), err)
	}
	return desc, io.NopCloser(bytes.NewReader(data)), nil
}

// Push stores a blob, or a manifest under its digest.
func (r *Repository) Push(ctx context.Context, desc ocispec.Descriptor, content io.Reader) error {
	if manifest.Is(desc.MediaType) {
		return r.PushReference(ctx, desc, content, desc.Digest.String())
	}
	return r.blobs.pushBlob(ctx, desc, content)
}

// PushReference stores a manifest under a tag, or under its digest, and sees to it that its subject lists it.
func (r *Repository) PushReference(ctx context.Context, desc ocispec.Descriptor, content io.Reader, reference string) error {
	if err := validIn(reference); err != nil {
		return badReference(reference, err)
	}
	data, err := readBounded(content, manifest.MaxSize)
	if err != nil {
		return err
	}
	if err := manifest.Check(desc, data); err != nil {
		return err
	}
	return r.putManifest(r.api.scoped(ctx), desc, data, reference)
}

func (r *Repository) putManifest(ctx context.Context, desc ocispec.Descriptor, data []byte, reference string) error {
	var header http.Header
	put := context.WithValue(ctx, headerKey{}, &header)
	if err := r.remote.Manifests().PushReference(put, desc, bytes.NewReader(data), reference); err != nil {
		return r.api.fail(ctx, "pushing "+r.api.named(reference), err)
	}
	r.manifests.cache.put(desc.Digest, data)
	if header.Get("OCI-Subject") != "" {
		return nil // the registry lists it itself
	}
	return r.referrers.listReferrer(ctx, desc, data)
}

// Tag gives a manifest that is there another tag.
func (r *Repository) Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error {
	if err := validIn(reference); err != nil {
		return badReference(reference, err)
	}
	ctx = r.api.scoped(ctx)
	data, ok := r.manifests.cached(desc.Digest)
	if !ok {
		var err error
		if _, data, err = r.manifests.get(ctx, desc.Digest.String()); err != nil {
			return r.api.fail(ctx, "fetching "+r.api.named(desc.Digest.String()), err)
		}
	}
	err := r.remote.Manifests().PushReference(ctx, desc, bytes.NewReader(data), reference)
	return r.api.fail(ctx, "tagging "+r.api.named(reference), err)
}

// Untag removes a tag and leaves the manifest.
func (r *Repository) Untag(ctx context.Context, tag string) error {
	if err := ValidTag(tag); err != nil {
		return badReference(tag, err)
	}
	ctx = auth.AppendRepositoryScope(r.api.scoped(ctx), r.api.name, auth.ActionDelete)
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, r.api.url("manifests/"+tag), nil)
	if err != nil {
		return err
	}
	resp, err := r.api.Do(req)
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode/100 != 2 {
			err = answered(resp)
		}
	}
	return r.api.fail(ctx, "removing the tag "+r.api.named(tag), err)
}

// Predecessors lists the manifests whose subject is desc.
func (r *Repository) Predecessors(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var all []ocispec.Descriptor
	err := r.Referrers(ctx, desc, "", func(page []ocispec.Descriptor) error {
		all = append(all, page...)
		return nil
	})
	return all, err
}

// Referrers lists the manifests whose subject is desc, by the referrers API or, where there is none, by the tag schema.
func (r *Repository) Referrers(ctx context.Context, desc ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error {
	return r.referrers.referrers(ctx, desc, artifactType, fn)
}

// Delete removes a manifest or a blob. A referrer leaves the list of its subject.
func (r *Repository) Delete(ctx context.Context, desc ocispec.Descriptor) error {
	ctx = auth.AppendRepositoryScope(r.api.scoped(ctx), r.api.name, auth.ActionDelete)
	if manifest.Is(desc.MediaType) {
		if err := r.referrers.unlistReferrer(ctx, desc); err != nil {
			return err
		}
		r.manifests.cache.drop(desc.Digest)
	}
	return r.api.fail(ctx, "deleting "+r.api.named(desc.Digest.String()), r.remote.Delete(ctx, desc))
}

// Tags lists the tags after last, page by page.
func (r *Repository) Tags(ctx context.Context, last string, fn func(tags []string) error) error {
	ctx = r.api.scoped(ctx)
	var own error
	err := r.remote.Tags(ctx, last, func(tags []string) error {
		own = fn(tags)
		return own
	})
	if own != nil {
		return own
	}
	return r.api.fail(ctx, "listing the tags of "+r.api.fullName(), err)
}
