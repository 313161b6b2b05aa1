package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/davit-oci/davit/internal/serve/limit"
	"github.com/davit-oci/davit/internal/serve/naming"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

func (h *handler) serveManifest(c *call) error {
	switch c.Method {
	case http.MethodGet, http.MethodHead:
		return h.getManifest(c)
	case http.MethodPut:
		return h.putManifest(c)
	case http.MethodDelete:
		return h.deleteManifest(c)
	}
	return allow(c.Request)
}

func (h *handler) getManifest(c *call) error {
	repo, err := h.openRepository(c)
	if err != nil {
		return err
	}
	desc, data, err := c.readManifest(repo)
	if err != nil {
		return err
	}
	header := c.w.Header()
	header.Set("Content-Type", desc.MediaType)
	header.Set("Docker-Content-Digest", desc.Digest.String())
	header.Set("Etag", `"`+desc.Digest.String()+`"`)
	if desc.Size <= bufferedSize {
		http.ServeContent(c.w, c.Request, "", time.Time{}, bytes.NewReader(data))
		return nil
	}
	file, err := repo.OpenBlob(desc.Digest) // a slow client must not keep a large manifest in memory
	if err != nil {
		return err
	}
	defer file.Close()
	c.release()
	http.ServeContent(c.w, c.Request, "", time.Time{}, file)
	return nil
}

const (
	// checkFactor and storeFactor are the memory to check and to store a manifest, as multiples of its size.
	checkFactor, storeFactor = 4, 10
	// bufferedSize is the size of the largest manifest that is in memory, without a reservation, while it is sent or received.
	bufferedSize = 64 << 10
)

// readManifest reads the manifest of a call, by tag or digest. It fails with answer.ManifestUnknown for a blob that is not a manifest.
func (c *call) readManifest(r *repository) (ocispec.Descriptor, []byte, error) {
	ctx, reference := c.Context(), c.last
	d, err := r.resolveDigest(ctx, reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, answer.OrUnknown(err, answer.ManifestUnknown(reference))
	}
	desc, err := r.Resolve(ctx, d.String())
	switch {
	case err != nil:
		return desc, nil, answer.OrUnknown(err, answer.ManifestUnknown(reference))
	case desc.Size > manifest.MaxSize:
		return desc, nil, answer.ManifestUnknown(reference)
	}
	if err := c.reserve(checkFactor * desc.Size); err != nil {
		return desc, nil, err
	}
	body, err := r.Fetch(ctx, desc)
	if err != nil {
		return desc, nil, answer.OrUnknown(err, answer.ManifestUnknown(reference))
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, manifest.MaxSize+1))
	if err != nil {
		return desc, nil, err
	}
	if !manifest.Is(desc.MediaType) { // Resolve knows the type only of manifests that index.json or a listed manifest refers to
		desc.MediaType = manifest.TypeOf(data)
	}
	listed, err := r.Exists(ctx, desc) // a deleted manifest is stored as long as other writers may need its bytes
	if err == nil && (!listed || !manifest.Is(desc.MediaType) || manifest.Check(desc, data) != nil) {
		err = answer.ManifestUnknown(reference)
	}
	return desc, data, err
}

// resolveDigest returns the digest of a tag or digest.
func (r *repository) resolveDigest(ctx context.Context, reference string) (digest.Digest, error) {
	if d, err := digest.Parse(reference); err == nil {
		return d, nil
	}
	if !naming.IsTag(reference) {
		return "", answer.Refuse(http.StatusBadRequest, "MANIFEST_INVALID", "%q is neither a tag nor a digest", reference)
	}
	name, err := r.nameOf(ctx, reference)
	if err != nil {
		return "", err
	}
	desc, err := r.Resolve(ctx, name)
	return desc.Digest, err
}

// putManifest stores a manifest if everything that it refers to exists, and sets its tag.
func (h *handler) putManifest(c *call) error {
	if err := h.checkWritable(); err != nil {
		return err
	}
	size := c.ContentLength
	if size < 0 || size > manifest.MaxSize {
		size = manifest.MaxSize
	}
	if size > bufferedSize { // slow clients with large manifests must not block others
		release, err := h.bodies.Take(c.Context(), size)
		if err != nil {
			return err
		}
		defer release()
	}
	c.body.Within(limit.Stall)
	data, err := io.ReadAll(io.LimitReader(c.Body, manifest.MaxSize+1))
	switch {
	case err != nil:
		return answer.Refuse(http.StatusBadRequest, "MANIFEST_INVALID", "reading the request body: %v", err)
	case len(data) > manifest.MaxSize:
		return answer.Refuse(http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", "manifest too large: limit is %d MiB", manifest.MaxSize>>20)
	}
	if err := c.reserve(storeFactor * size); err != nil {
		return err
	}
	desc, err := describe(c, data)
	if err != nil {
		return err
	}
	repo, err := h.store.repository(c.Context(), c.name, true)
	if err != nil {
		return err
	}
	subject, err := repo.checkReferences(c.Context(), data)
	if err != nil {
		return err
	}
	if err := repo.Push(c.Context(), desc, bytes.NewReader(data)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return err
	}
	if c.last != desc.Digest.String() {
		if err := repo.tagAs(c.Context(), desc, c.last); err != nil {
			return err
		}
	}
	if subject != "" {
		c.w.Header().Set("OCI-Subject", subject)
	}
	c.respondCreated("manifests", desc.Digest)
	return nil
}

// tagAs sets a tag of this repository to a manifest.
func (r *repository) tagAs(ctx context.Context, desc ocispec.Descriptor, tag string) error {
	w, ok := r.layout.(writableLayout)
	if !ok {
		return answer.ErrReadOnly
	}
	name, err := r.newName(ctx, tag)
	if err != nil {
		return err
	}
	return w.TagName(ctx, desc, name)
}

// respondCreated sends the response 201 Created for a blob or manifest.
func (c *call) respondCreated(resource string, d digest.Digest) {
	c.w.Header().Set("Location", "/v2/"+c.name+"/"+resource+"/"+d.String())
	c.w.Header().Set("Docker-Content-Digest", d.String())
	c.w.WriteHeader(http.StatusCreated)
}

// describe checks a pushed manifest against the request, and returns its descriptor.
func describe(c *call, data []byte) (ocispec.Descriptor, error) {
	desc := ocispec.Descriptor{Size: int64(len(data)), Digest: digest.FromBytes(data), MediaType: manifest.TypeOf(data)}
	if t, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err == nil {
		desc.MediaType = t
	}
	if d, err := digest.Parse(c.last); err == nil {
		if d.Algorithm().FromBytes(data) != d {
			return desc, answer.Refuse(http.StatusBadRequest, "DIGEST_INVALID", "digest mismatch: want %s, got %s", d, d.Algorithm().FromBytes(data))
		}
		desc.Digest = d
	} else if !naming.IsTag(c.last) {
		return desc, answer.Refuse(http.StatusBadRequest, "MANIFEST_INVALID", "%q is neither a tag nor a digest", c.last)
	}
	if !manifest.Is(desc.MediaType) {
		return desc, answer.Refuse(http.StatusBadRequest, "MANIFEST_INVALID", "%q is not a manifest media type", desc.MediaType)
	}
	if err := manifest.Check(desc, data); err != nil {
		return desc, answer.Refuse(http.StatusBadRequest, "MANIFEST_INVALID", "%v", err)
	}
	return desc, nil
}

// checkReferences returns an error if a blob or manifest that a manifest refers to does not exist, so that no artifact is
// incomplete. It returns the digest of the subject, which need not exist.
func (r *repository) checkReferences(ctx context.Context, data []byte) (subject string, err error) {
	var m struct {
		Config    *ocispec.Descriptor  `json:"config"`
		Layers    []ocispec.Descriptor `json:"layers"`
		Blobs     []ocispec.Descriptor `json:"blobs"`
		Manifests []ocispec.Descriptor `json:"manifests"`
		Subject   *ocispec.Descriptor  `json:"subject"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return "", answer.Refuse(http.StatusBadRequest, "MANIFEST_INVALID", "invalid manifest: %v", err)
	}
	needed := append(append(m.Layers, m.Blobs...), m.Manifests...)
	if m.Config != nil {
		needed = append(needed, *m.Config)
	}
	for _, desc := range needed {
		if _, err := parseDigest(desc.Digest.String()); err != nil {
			return "", err
		}
		if len(desc.URLs) > 0 {
			continue // stored elsewhere
		}
		if ok, err := r.has(ctx, desc.Digest); err != nil {
			return "", err
		} else if !ok {
			return "", answer.Refuse(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "the manifest needs %s, which does not exist", desc.Digest)
		}
	}
	if m.Subject == nil {
		return "", nil
	}
	_, err = parseDigest(m.Subject.Digest.String())
	return m.Subject.Digest.String(), err
}

// deleteManifest removes a tag, or a manifest with all its tags.
func (h *handler) deleteManifest(c *call) error {
	if err := h.checkWritable(); err != nil {
		return err
	}
	repo, err := h.openRepository(c)
	if err != nil {
		return err
	}
	if _, err := digest.Parse(c.last); err == nil {
		var desc ocispec.Descriptor
		if desc, _, err = c.readManifest(repo); err == nil {
			err = repo.Delete(c.Context(), desc)
		}
		if errors.Is(err, errdef.ErrUnsupported) {
			return answer.Refuse(http.StatusMethodNotAllowed, "UNSUPPORTED", "another manifest refers to %s", c.last)
		}
		if err != nil {
			return answer.OrUnknown(err, answer.ManifestUnknown(c.last))
		}
	} else {
		name, err := repo.ownName(c.Context(), c.last)
		if err == nil {
			err = repo.Untag(c.Context(), name)
		}
		if err != nil {
			return answer.OrUnknown(err, answer.ManifestUnknown(c.last))
		}
	}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}
