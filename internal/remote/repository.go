package remote

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/api"
	"github.com/davit-oci/davit/internal/remote/blob"
	"github.com/davit-oci/davit/internal/remote/blob/download"
	"github.com/davit-oci/davit/internal/remote/blob/share"
	"github.com/davit-oci/davit/internal/remote/blob/upload"
	"github.com/davit-oci/davit/internal/remote/referrers"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// Repository is a repository of a registry.
type Repository struct {
	api       *api.Repository
	mode      reference.Mode
	blobs     *blob.Store
	share     *share.Downloads
	manifests *api.Manifests
	referrers *referrers.Lister
	notify    func(format string, args ...any)
}

var _ interface {
	oras.GraphTarget
	registry.ReferrerLister
	registry.TagLister
	content.Deleter
	content.Untagger
	registry.ReferenceFetcher
	registry.ReferencePusher
	registry.Mounter
} = (*Repository)(nil)

func newRepository(c *Client, host, repository string, mode reference.Mode) *Repository {
	remoteAPI := api.NewRepository(c.http, host, repository, mode == reference.Write)
	r := &Repository{api: remoteAPI, mode: mode, blobs: blob.NewStore(remoteAPI, c.blobs), share: c.share, notify: c.http.Transport.Notify}
	r.manifests = api.NewManifests(remoteAPI, func(data []byte) { c.blobs.SawManifest(remoteAPI.Origin.Host, remoteAPI.Name.Repository, data) })
	r.referrers = &referrers.Lister{API: remoteAPI, Manifests: r.manifests, Lock: c.lock, LockDir: blob.CacheDir(c.opts.CacheDir, "locks")}
	return r
}

// FetchRange returns a reader of length bytes of a blob, starting at offset. The bytes are not verified. When the body breaks
// off, the reader requests the rest. It fails if no request receives any bytes for the time in Options.RetryFor.
func (r *Repository) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	return r.blobs.FetchRange(ctx, desc, offset, length)
}

// FetchFile writes the verified blob to dst/name. A large blob is fetched in parts over several connections. Bytes that
// an earlier, interrupted call left in dst/name and recorded in its journal, dst/name.state, are not fetched again.
// After an error both files stay for the next call. If report is not nil, it receives the number of bytes in the file, and how
// many of them are at its start without a gap; its calls do not overlap. Two calls must not use the same file at once. If
// another process of this user with the same cache directory is fetching the blob, FetchFile copies that process's file.
func (r *Repository) FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) error {
	to := download.Destination{Root: dst, Name: name, Report: report}
	return r.share.File(ctx, desc, to, func() error { return download.File(ctx, r.blobs, desc, to) })
}

// PushBlob stores a blob, and sends as few bytes as the registry allows. A broken upload continues at the offset that
// the registry reports. If report is not nil, it receives the number of bytes that the registry has; its calls do not overlap.
func (r *Repository) PushBlob(ctx context.Context, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error) {
	return upload.Blob(ctx, r.blobs, b, report)
}

// Mount mounts a blob from another repository of the registry. If that fails, it sends the blob's content from getContent
// or, if getContent is nil, fetches it from that repository.
func (r *Repository) Mount(ctx context.Context, desc ocispec.Descriptor, fromRepo string, getContent func() (io.ReadCloser, error)) error {
	return upload.Mount(ctx, r.blobs, desc, fromRepo, getContent)
}

// BatchReferrers makes Push leave updates of the lists of the referrers tag schema to FlushReferrers.
func (r *Repository) BatchReferrers() { r.referrers.Batch() }

// FlushReferrers adds the referrers pushed since BatchReferrers to the lists of the referrers tag schema.
func (r *Repository) FlushReferrers(ctx context.Context) error { return r.referrers.Flush(ctx) }

// Name returns the host of the registry and the name of the repository.
func (r *Repository) Name() (host, repository string) {
	return r.api.Name.Registry, r.api.Name.Repository
}

// UsesPlainHTTP reports whether the registry is reached by plain HTTP.
func (r *Repository) UsesPlainHTTP() bool {
	_, noTLS := r.api.Client.Transport.NoTLS.Load(r.api.Origin.Host)
	return noTLS || r.api.Origin.Scheme == "http"
}

// Close returns err: a repository has nothing to close.
func (r *Repository) Close(_ context.Context, err error) error { return err }

// KeepsBlobs returns true: a registry stores a manifest only together with its blobs (see pack.BlobKeeper).
func (r *Repository) KeepsBlobs() bool { return true }

// Resolve returns the descriptor of a tag or digest, with a single HEAD request if the response has all headers.
func (r *Repository) Resolve(ctx context.Context, ref string) (ocispec.Descriptor, error) {
	if err := validateReference(ref); err != nil {
		return ocispec.Descriptor{}, reference.Error(ref, err)
	}
	ctx = r.api.WithScope(ctx)
	desc, err := r.manifests.Resolve(ctx, ref)
	return desc, r.api.Wrap(ctx, "resolving "+r.api.Named(ref), err)
}

func validateReference(ref string) error {
	if d := digest.Digest(ref); d.Validate() == nil {
		return nil
	}
	return reference.ValidateTag(ref)
}

// Exists reports whether a blob or manifest exists. Some registries, such as Docker Hub and GHCR, deny access to repositories that
// do not exist yet. In a repository opened for writing, a denial is not an error, because pushing reports a real one.
func (r *Repository) Exists(ctx context.Context, desc ocispec.Descriptor) (ok bool, err error) {
	ctx = r.api.WithScope(ctx)
	if manifest.Is(desc.MediaType) {
		ok, err = r.manifests.Has(ctx, desc.Digest)
	} else {
		ok, err = r.api.HasBlob(ctx, desc)
	}
	if r.mode == reference.Write && transport.IsDenied(err) {
		return false, nil
	}
	return ok, r.api.Wrap(ctx, "looking for "+desc.Digest.String(), err)
}

// Fetch returns a reader of a manifest, which is verified, or of a blob, which the caller must verify.
func (r *Repository) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if !manifest.Is(desc.MediaType) {
		return r.blobs.FetchRange(ctx, desc, 0, desc.Size)
	}
	if data, ok := r.manifests.Cached(desc.Digest); ok {
		return io.NopCloser(bytes.NewReader(data)), manifest.Check(desc, data)
	}
	got, data, err := r.manifests.Get(r.api.WithScope(ctx), desc.Digest.String())
	if err != nil {
		return nil, r.api.Wrap(ctx, "fetching "+r.api.Named(desc.Digest.String()), err)
	}
	if got.MediaType != desc.MediaType {
		return nil, artifact.Refused(desc.Digest.String(), "media type mismatch: want %q, got %q", desc.MediaType, got.MediaType)
	}
	if err := manifest.Check(desc, data); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// FetchReference fetches and verifies the manifest of a tag or digest, with a single GET request.
func (r *Repository) FetchReference(ctx context.Context, ref string) (ocispec.Descriptor, io.ReadCloser, error) {
	if err := validateReference(ref); err != nil {
		return ocispec.Descriptor{}, nil, reference.Error(ref, err)
	}
	desc, data, err := r.manifests.Get(r.api.WithScope(ctx), ref)
	if err != nil {
		return ocispec.Descriptor{}, nil, r.api.Wrap(ctx, "fetching "+r.api.Named(ref), err)
	}
	return desc, io.NopCloser(bytes.NewReader(data)), nil
}

// Push stores a blob, or a manifest under its digest.
func (r *Repository) Push(ctx context.Context, desc ocispec.Descriptor, data io.Reader) error {
	if manifest.Is(desc.MediaType) {
		return r.PushReference(ctx, desc, data, desc.Digest.String())
	}
	return upload.Reader(ctx, r.blobs, desc, data)
}

// PushReference stores a manifest under a tag, or under its digest, and adds it to the referrers of its subject.
func (r *Repository) PushReference(ctx context.Context, desc ocispec.Descriptor, content io.Reader, ref string) error {
	if err := validateReference(ref); err != nil {
		return reference.Error(ref, err)
	}
	data, err := api.ReadBounded(content, manifest.MaxSize)
	if err != nil {
		return err
	}
	if err := manifest.Check(desc, data); err != nil {
		return err
	}
	return r.putManifest(r.api.WithScope(ctx), desc, data, ref)
}

func (r *Repository) putManifest(ctx context.Context, desc ocispec.Descriptor, data []byte, ref string) error {
	header, err := r.manifests.Put(ctx, desc, data, ref, "")
	if err != nil {
		return r.api.Wrap(ctx, "pushing "+r.api.Named(ref), err)
	}
	r.manifests.Remember(desc.Digest, data)
	return r.referrers.Add(ctx, desc, data, header.Get("OCI-Subject") != "")
}

// Tag adds a tag to an existing manifest.
func (r *Repository) Tag(ctx context.Context, desc ocispec.Descriptor, ref string) error {
	if err := validateReference(ref); err != nil {
		return reference.Error(ref, err)
	}
	ctx = r.api.WithScope(ctx)
	data, ok := r.manifests.Cached(desc.Digest)
	if !ok {
		var err error
		if _, data, err = r.manifests.Get(ctx, desc.Digest.String()); err != nil {
			return r.api.Wrap(ctx, "fetching "+r.api.Named(desc.Digest.String()), err)
		}
	}
	_, err := r.manifests.Put(ctx, desc, data, ref, "")
	return r.api.Wrap(ctx, "tagging "+r.api.Named(ref), err)
}

// Untag removes a tag and keeps the manifest.
func (r *Repository) Untag(ctx context.Context, tag string) error {
	if err := reference.ValidateTag(tag); err != nil {
		return reference.Error(tag, err)
	}
	return r.api.Wrap(ctx, "removing the tag "+r.api.Named(tag), r.api.Delete(r.api.WithScope(ctx), "manifests/"+tag))
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

// Referrers calls fn with each page of the manifests whose subject is desc, and whose artifact type is artifactType unless that is
// empty. It uses the referrers API or, if the registry has no such API, the tag schema.
func (r *Repository) Referrers(ctx context.Context, desc ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error {
	return r.referrers.List(ctx, desc, artifactType, fn)
}

// Delete removes a manifest or a blob. A referrer is removed from the list of its subject.
func (r *Repository) Delete(ctx context.Context, desc ocispec.Descriptor) error {
	ctx = r.api.WithScope(ctx)
	step := "deleting " + r.api.Named(desc.Digest.String())
	if !manifest.Is(desc.MediaType) {
		return r.api.Wrap(ctx, step, r.api.Delete(ctx, "blobs/"+desc.Digest.String()))
	}
	data, ok := r.manifests.Cached(desc.Digest)
	if !ok {
		var err error
		if _, data, err = r.manifests.Get(ctx, desc.Digest.String()); err != nil {
			return r.api.Wrap(ctx, "fetching "+r.api.Named(desc.Digest.String()), err)
		}
	}
	if err := r.api.Delete(ctx, "manifests/"+desc.Digest.String()); err != nil {
		return r.api.Wrap(ctx, step, err)
	}
	r.manifests.Forget(desc.Digest)
	_, subject := manifest.ReferrerEntry(desc, data)
	if subject == "" {
		return nil
	}
	_, err := r.referrers.Remove(ctx, subject, desc.Digest)
	return err
}

// Detach deletes a manifest and removes it from the referrers of a subject. It also completes an interrupted call: a manifest that
// no longer exists is removed from the list. If the registry refuses deletion, the outcome depends on how it lists referrers. With
// the tag schema, the manifest stays but is no longer listed, and Options.Notify receives a message. With the referrers API, the
// manifest stays listed, and Detach fails with errdef.ErrUnsupported.
func (r *Repository) Detach(ctx context.Context, subject, desc ocispec.Descriptor) error {
	ctx = r.api.WithScope(ctx)
	refusal := r.api.Delete(ctx, "manifests/"+desc.Digest.String())
	if refusal != nil && !api.IsNotFound(refusal) && !isRefusal(refusal) {
		return r.api.Wrap(ctx, "deleting "+r.api.Named(desc.Digest.String()), refusal)
	}
	r.manifests.Forget(desc.Digest)
	unlisted, err := r.referrers.Remove(ctx, subject.Digest, desc.Digest)
	switch {
	case err != nil:
		return err
	case refusal == nil || api.IsNotFound(refusal):
		return nil
	case !unlisted:
		return fault.As(r.api.Wrap(ctx, "the registry refuses deletion", refusal), errdef.ErrUnsupported)
	}
	r.notify("%s is no longer attached, but stays: %s does not delete manifests", desc.Digest, r.api.Name.Registry)
	return nil
}

// isRefusal reports whether a registry refused a deletion, in general or for this user.
func isRefusal(err error) bool {
	answer := transport.AsResponse(err)
	if answer == nil {
		return false
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// LearnTags requests the list of tags. If one page has all of them, LacksTag and Referrers know without more requests which tags
// do not exist. LearnTags is for commands that only read. It ignores errors, because a registry need not list tags.
func (r *Repository) LearnTags(ctx context.Context) {
	if r.referrers.KnowsTags() {
		return
	}
	var all []string
	pages := 0
	errEnough := errors.New("enough")
	err := r.Tags(ctx, "", func(tags []string) error {
		if pages++; pages > 1 {
			return errEnough
		}
		all = append(all, tags...)
		return nil
	})
	if err == nil {
		r.referrers.Learn(all)
	}
}

// HasReferrersAPI reports whether the registry answered a request to the referrers API.
func (r *Repository) HasReferrersAPI() bool { return r.referrers.HasAPI() }

// LacksTag reports whether LearnTags found that a tag does not exist.
func (r *Repository) LacksTag(tag string) bool { return r.referrers.LacksTag(tag) }

// Tags calls fn with each page of the list of tags, starting after the tag last.
func (r *Repository) Tags(ctx context.Context, last string, fn func(tags []string) error) error {
	ctx = r.api.WithScope(ctx)
	query := url.Values{}
	if last != "" {
		query.Set("last", last)
	}
	var fnErr error
	err := r.api.Pages(ctx, "tags/list", query, func(resp *http.Response) error {
		var page struct {
			Tags []string `json:"tags"`
		}
		data, err := api.ReadBounded(resp.Body, manifest.MaxSize)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return cmp.Or(transport.WebPage(resp), error(transport.Violationf("%s is not a list of tags: %v", transport.BareURL(resp.Request.URL), err)))
		}
		fnErr = fn(page.Tags)
		return fnErr
	})
	if fnErr != nil {
		return fnErr
	}
	return r.api.Wrap(ctx, "listing the tags of "+r.api.FullName(), err)
}
