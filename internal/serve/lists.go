package serve

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func (h *handler) serveTags(c *call) error {
	if c.last != "list" {
		return answer.Refuse(http.StatusNotFound, "UNSUPPORTED", "%s is not a path of an OCI registry", c.URL.Path)
	}
	if err := allow(c.Request, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	repo, err := h.repository(c)
	if err != nil {
		return err
	}
	tags, err := repo.tags(c.Context())
	if err != nil {
		return err
	}
	if tags, err = page(c.w, c.Request, tags); err != nil {
		return err
	}
	answer.WriteJSON(c.w, http.StatusOK, "application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{c.name, tags})
	return nil
}

func (h *handler) serveCatalog(w http.ResponseWriter, r *http.Request) error {
	if err := allow(r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	names, err := h.store.list(r.Context())
	if err != nil {
		return err
	}
	if names, err = page(w, r, names); err != nil {
		return err
	}
	answer.WriteJSON(w, http.StatusOK, "application/json", map[string][]string{"repositories": names})
	return nil
}

// page returns the part of a sorted list that the query asks for: at most n entries after last. If more follow, it sets a
// Link.
func page(w http.ResponseWriter, r *http.Request, list []string) ([]string, error) {
	query := r.URL.Query()
	if last := query.Get("last"); last != "" {
		i, found := slices.BinarySearch(list, last)
		if found {
			i++
		}
		list = list[i:]
	}
	if !query.Has("n") {
		return list, nil
	}
	n, err := strconv.Atoi(query.Get("n"))
	if err != nil || n < 0 {
		return nil, answer.Refuse(http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n=%q is not a number of entries", query.Get("n"))
	}
	if n >= len(list) {
		return list, nil
	}
	if n > 0 {
		query.Set("last", list[n-1])
		next := url.URL{Path: r.URL.Path, RawQuery: query.Encode()}
		w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
	}
	return list[:n], nil
}

// serveReferrers lists the manifests with a subject, which need not exist.
func (h *handler) serveReferrers(c *call) error {
	if err := allow(c.Request, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	d, err := c.digestOf()
	if err != nil {
		return err
	}
	list := []ocispec.Descriptor{} // an empty list, not null
	repo, err := h.repository(c)
	if err == nil {
		list, err = repo.referrers(c.Context(), d)
	}
	var unknown *answer.Error
	if err != nil && !errors.As(err, &unknown) { // 404 would mean that the registry lacks the referrers API
		return err
	}
	artifactType := c.URL.Query().Get("artifactType")
	if artifactType != "" {
		list = slices.DeleteFunc(list, func(desc ocispec.Descriptor) bool { return desc.ArtifactType != artifactType })
		c.w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	answer.WriteJSON(c.w, http.StatusOK, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: list,
	})
	return nil
}

func (r *repository) referrers(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, error) {
	all := []ocispec.Descriptor{}
	err := r.Referrers(ctx, ocispec.Descriptor{Digest: subject}, "", func(page []ocispec.Descriptor) error {
		all = append(all, page...)
		return nil
	})
	return all, err
}
