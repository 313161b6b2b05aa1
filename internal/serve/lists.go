package serve

import (
	"errors"
	"net/http"

	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// maxPageBytes limits the size, in bytes, of the referrers in one page.
	maxPageBytes = 1 << 20
	// listMemory is the memory, in bytes, that a request for a list reserves: for all names of an index.json, and a page.
	listMemory = 8 << 20
)

func (h *handler) serveTags(c *call) error {
	if c.last != "list" {
		return answer.Refuse(http.StatusNotFound, "UNSUPPORTED", "%s is not a path of an OCI registry", c.URL.Path)
	}
	if err := allow(c.Request, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	if err := c.reserve(listMemory); err != nil {
		return err
	}
	repo, err := h.openRepository(c)
	if err != nil {
		return err
	}
	tags, err := repo.listTags(c.Context())
	if err == nil && len(tags) == 0 && repo.Name != repo.Home { // as other registries do; a layout's own name exists
		err = answer.NameUnknown(c.name)
	}
	if err != nil {
		return err
	}
	if tags, err = answer.Page(c.w, c.Request, tags); err != nil {
		return err
	}
	answer.WriteJSON(c.w, http.StatusOK, "application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{c.name, tags})
	return nil
}

func (h *handler) serveCatalog(c *call) error {
	if err := allow(c.Request, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	if err := c.reserve(listMemory); err != nil {
		return err
	}
	names, err := h.store.list(c.Context())
	if err != nil {
		return err
	}
	if names, err = answer.Page(c.w, c.Request, names); err != nil {
		return err
	}
	answer.WriteJSON(c.w, http.StatusOK, "application/json", map[string][]string{"repositories": names})
	return nil
}

// serveReferrers lists the manifests with a subject. The subject need not exist.
func (h *handler) serveReferrers(c *call) error {
	if err := allow(c.Request, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	d, err := c.digestOf()
	if err != nil {
		return err
	}
	if err := c.reserve(listMemory); err != nil {
		return err
	}
	list := []ocispec.Descriptor{} // an empty list, not null
	repo, err := h.openRepository(c)
	if err == nil {
		list, err = c.listReferrers(repo, d)
	}
	var unknown *answer.Error
	if err != nil && !errors.As(err, &unknown) { // 404 would mean that the registry lacks the referrers API
		return err
	}
	if c.URL.Query().Get("artifactType") != "" {
		c.w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	answer.WriteJSON(c.w, http.StatusOK, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: list,
	})
	return nil
}

// errFull ends a page of referrers.
var errFull = errors.New("the page is full")

// listReferrers returns a page of the referrers of a manifest, and sets a Link if more follow.
func (c *call) listReferrers(r *repository, subject digest.Digest) ([]ocispec.Descriptor, error) {
	query := c.URL.Query()
	all, size := []ocispec.Descriptor{}, 0
	err := r.ReferrersAfter(c.Context(), ocispec.Descriptor{Digest: subject}, digest.Digest(query.Get("last")), func(desc ocispec.Descriptor) error {
		if t := query.Get("artifactType"); t != "" && desc.ArtifactType != t {
			return nil
		}
		for key, value := range desc.Annotations {
			size += len(key) + len(value) + 10
		}
		if size += 300; size > maxPageBytes && len(all) > 0 {
			answer.LinkNext(c.w, c.Request, all[len(all)-1].Digest.String())
			return errFull
		}
		all = append(all, desc)
		return nil
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return all, err
}
