package referrers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/remote/api"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// List calls fn with each page of the manifests whose subject is desc, and whose artifact type is artifactType unless that is
// empty. It uses the referrers API or, if the registry has no such API, the tag schema.
func (r *Lister) List(ctx context.Context, desc ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error {
	ctx = r.API.WithScope(ctx)
	step := "listing the referrers of " + r.API.Named(desc.Digest.String())
	var fnErr error
	err := r.listFromAPI(ctx, desc.Digest, artifactType, func(page []ocispec.Descriptor) error {
		fnErr = fn(page)
		return fnErr
	})
	if fnErr != nil {
		return fnErr
	}
	var without withoutAPI
	if !errors.As(err, &without) {
		return r.API.Wrap(ctx, step, err)
	}
	if r.LacksTag(referrerTag(desc.Digest)) && !without.isDenied() {
		return nil
	}
	list, err := r.listFromTag(ctx, desc.Digest, artifactType)
	switch {
	case err != nil:
		return r.API.Wrap(ctx, step, err)
	case len(list) == 0 && without.isDenied() && !r.hasList.Load():
		return r.API.Wrap(ctx, step, without.answer)
	case len(list) == 0:
		return nil
	}
	r.hasList.Store(true)
	return fn(list)
}

// withoutAPI is the error of a registry that has no referrers API, or denies it to this user.
type withoutAPI struct{ answer error }

// Error returns a message with the registry's response.
func (w withoutAPI) Error() string { return "the registry has no referrers API: " + w.answer.Error() }

// isDenied reports whether the registry denied the request. It may still have the API.
func (w withoutAPI) isDenied() bool { return transport.IsDenied(w.answer) }

// listFromAPI lists referrers with the referrers API. Its error is withoutAPI if the first page shows that the registry has no such
// API.
func (r *Lister) listFromAPI(ctx context.Context, subject digest.Digest, artifactType string, fn func([]ocispec.Descriptor) error) error {
	if r.noPath.Load() {
		return withoutAPI{errdef.ErrUnsupported}
	}
	query := url.Values{}
	if artifactType != "" {
		query.Set("artifactType", artifactType)
	}
	pages := 0
	err := r.API.Pages(ctx, "referrers/"+subject.String(), query, func(resp *http.Response) error {
		page, err := readPage(resp)
		if err != nil {
			return err
		}
		pages++
		r.hasAPI.Store(true)
		if page, err = r.completeEntries(ctx, page, artifactType); err != nil || len(page) == 0 {
			return err
		}
		return fn(page)
	})
	if answer := transport.AsResponse(err); pages == 0 && answer != nil {
		switch answer.StatusCode {
		case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented,
			http.StatusUnauthorized, http.StatusForbidden:
			r.noPath.Store(answer.StatusCode == http.StatusNotFound && isAboutPath(answer))
			return withoutAPI{err}
		}
	}
	return err
}

// isAboutPath reports whether a status 404 means that the registry does not know the path of the referrers API. A registry that
// knows the path sends errors as in the specification.
func isAboutPath(answer *errcode.ErrorResponse) bool { return len(answer.Errors) == 0 }

// Learn records all tags of the repository, so that LacksTag knows the missing tags of referrers lists and cosign manifests, which
// then need not be requested. It is only for commands that read.
func (r *Lister) Learn(tags []string) {
	all := make(map[string]bool, len(tags))
	for _, tag := range tags {
		all[tag] = true
	}
	r.tags.Store(&all)
}

// KnowsTags reports whether Learn was called.
func (r *Lister) KnowsTags() bool { return r.tags.Load() != nil }

// HasAPI reports whether the registry has answered a request to the referrers API.
func (r *Lister) HasAPI() bool { return r.hasAPI.Load() }

// LacksTag reports whether a tag is known not to exist.
func (r *Lister) LacksTag(tag string) bool {
	tags := r.tags.Load()
	return tags != nil && !(*tags)[tag]
}

// readPage reads one response of the referrers API. If the response is not an index, the registry has no such API: some registries,
// and applications in front of registries, answer every path with 200.
func readPage(resp *http.Response) ([]ocispec.Descriptor, error) {
	data, err := api.ReadBounded(resp.Body, manifest.MaxSize)
	if err != nil {
		return nil, err
	}
	var index struct {
		MediaType string                `json:"mediaType"`
		Manifests *[]ocispec.Descriptor `json:"manifests"`
	}
	notIndex := transport.Violationf("%s is not an index", transport.BareURL(resp.Request.URL))
	switch err := json.Unmarshal(data, &index); {
	case err != nil && json.Valid(data):
		return nil, artifact.Refused("", "invalid list of referrers: %w", err)
	case err != nil, index.MediaType != "" && !manifest.IsIndex(index.MediaType), index.MediaType == "" && index.Manifests == nil:
		return nil, withoutAPI{notIndex}
	case index.Manifests == nil:
		return nil, nil
	}
	return *index.Manifests, nil
}

// hasOwnList reports whether the registry has the referrers API, and so lists the referrers itself.
func (r *Lister) hasOwnList(ctx context.Context, subject digest.Digest) (bool, error) {
	if r.hasAPI.Load() {
		return true, nil
	}
	err := r.listFromAPI(ctx, subject, "", func([]ocispec.Descriptor) error { return errEnough })
	var without withoutAPI
	switch {
	case err == nil, errors.Is(err, errEnough):
		return true, nil
	case errors.As(err, &without):
		return false, nil
	}
	return false, r.API.Wrap(ctx, "listing the referrers of "+r.API.Named(subject.String()), err)
}

// errEnough ends a listing after the first page.
var errEnough = errors.New("enough")

// listFromTag lists referrers with the tag schema.
func (r *Lister) listFromTag(ctx context.Context, subject digest.Digest, artifactType string) ([]ocispec.Descriptor, error) {
	list, _, err := r.readList(ctx, subject)
	var other *notAList
	if errors.As(err, &other) {
		return nil, nil // the tag is not a list of referrers
	}
	if err != nil {
		return nil, err
	}
	return r.completeEntries(ctx, list, artifactType)
}

// maxFetched limits the number of manifests that are fetched for one list.
const maxFetched = 1000

// completeEntries returns the entries of list with the given artifact type, or all entries if it is empty. Some clients list a referrer without
// its artifact type, or with the media type of its empty config. For such entries, it fetches the manifest.
func (r *Lister) completeEntries(ctx context.Context, list []ocispec.Descriptor, artifactType string) ([]ocispec.Descriptor, error) {
	var out []ocispec.Descriptor
	fetched := 0
	for _, desc := range list {
		if (desc.ArtifactType == "" || desc.ArtifactType == ocispec.MediaTypeEmptyJSON) && manifest.Is(desc.MediaType) && fetched < maxFetched {
			fetched++
			_, data, err := r.Manifests.Get(ctx, desc.Digest.String())
			switch {
			case api.IsNotFound(err):
				continue // the list still has an entry for a deleted manifest
			case err != nil:
				return nil, err
			}
			if entry, _ := manifest.ReferrerEntry(desc, data); entry.ArtifactType != "" {
				desc = entry
			}
		}
		if artifactType == "" || desc.ArtifactType == artifactType {
			out = append(out, desc)
		}
	}
	return out, nil
}
