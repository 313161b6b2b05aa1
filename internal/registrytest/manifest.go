package registrytest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxManifest is the largest size of a manifest, in bytes, as in the distribution registry.
const maxManifest = 4 << 20

const mediaTypeIndex = "application/vnd.oci.image.index.v1+json"

type manifest struct {
	mediaType string
	body      []byte
}

// descriptor has the fields of image-spec that a registry reads or writes.
type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
}

// contents has the fields of a manifest or index that a registry reads.
type contents struct {
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType"`
	Config       *descriptor       `json:"config"`
	Layers       []descriptor      `json:"layers"`
	Manifests    []descriptor      `json:"manifests"`
	Subject      *descriptor       `json:"subject"`
	Annotations  map[string]string `json:"annotations"`
}

var tagPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

func (g *Registry) serveManifest(w http.ResponseWriter, r *http.Request, repo, ref string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		g.getManifest(w, r, repo, ref)
	case http.MethodPut:
		g.putManifest(w, r, repo, ref)
	case http.MethodDelete:
		g.deleteManifest(w, r, repo, ref)
	default:
		respondNotAllowed(w, r)
	}
}

// lookup finds a manifest by tag or digest. g.mu is held.
func (g *Registry) lookup(repo, ref string) (string, manifest, bool) {
	r := g.repos[repo]
	if r == nil {
		return "", manifest{}, false
	}
	if digest, ok := r.tags[ref]; ok {
		ref = digest
	}
	m, ok := r.manifests[ref]
	return ref, m, ok
}

// Manifest returns the digest, media type, and bytes of a manifest by tag or digest.
func (g *Registry) Manifest(repo, ref string) (digest, mediaType string, body []byte, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	digest, m, ok := g.lookup(repo, ref)
	return digest, m.mediaType, m.body, ok
}

func (g *Registry) getManifest(w http.ResponseWriter, r *http.Request, repo, ref string) {
	digest, mediaType, body, ok := g.Manifest(repo, ref)
	if !ok {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Docker-Content-Digest", digest)
	if g.opts.ETags {
		w.Header().Set("ETag", fmt.Sprintf("%q", digest))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		w.Write(body)
	}
}

func (g *Registry) putManifest(w http.ResponseWriter, r *http.Request, repo, ref string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "SIZE_INVALID", "manifest is too large or broken")
		return
	}
	b := &blob{data: body, size: int64(len(body))}
	digest := sum(body)
	if strings.Contains(ref, ":") {
		if !b.matches(ref) {
			refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
			return
		}
		digest = ref
	} else if !tagPattern.MatchString(ref) {
		refuse(w, http.StatusBadRequest, "TAG_INVALID", "malformed tag")
		return
	}
	var c contents
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if json.Unmarshal(body, &c) != nil || (c.MediaType != "" && c.MediaType != mediaType) {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if missing := g.findMissing(repo, c); missing != "" {
		refuse(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: "+missing)
		return
	}
	if !g.isUnchanged(r, repo, ref) {
		refuse(w, http.StatusPreconditionFailed, "MANIFEST_INVALID", "the tag has moved")
		return
	}
	g.repo(repo).manifests[digest] = manifest{mediaType, body}
	if digest != ref {
		g.repo(repo).tags[ref] = digest
	}
	if c.Subject != nil && !g.opts.NoReferrers {
		w.Header().Set("OCI-Subject", c.Subject.Digest)
	}
	w.Header().Set("Location", "/v2/"+repo+"/manifests/"+digest)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}

// isUnchanged reports whether If-Match and If-None-Match allow a PUT. Without Options.ETags, they are ignored. g.mu is held.
func (g *Registry) isUnchanged(r *http.Request, repo, ref string) bool {
	if !g.opts.ETags {
		return true
	}
	digest, _, exists := g.lookup(repo, ref)
	if r.Header.Get("If-None-Match") == "*" {
		return !exists
	}
	want := r.Header.Get("If-Match")
	return want == "" || exists && (want == "*" || want == fmt.Sprintf("%q", digest))
}

// findMissing returns the digest of the first blob or manifest that a manifest refers to and the repository lacks. A subject
// may be missing. g.mu is held.
func (g *Registry) findMissing(repo string, c contents) string {
	r := g.repo(repo)
	for _, d := range c.Manifests {
		if _, ok := r.manifests[d.Digest]; !ok {
			return d.Digest
		}
	}
	needed := c.Layers
	if c.Config != nil {
		needed = append(slices.Clone(needed), *c.Config)
	}
	for _, d := range needed {
		if !r.blobs[d.Digest] && len(d.URLs) == 0 {
			return d.Digest
		}
	}
	return ""
}

func (g *Registry) deleteManifest(w http.ResponseWriter, r *http.Request, repo, ref string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	digest, _, ok := g.lookup(repo, ref)
	switch {
	case g.opts.NoTagDelete && ref != digest:
		respondNotAllowed(w, r)
		return
	case !ok:
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	case ref != digest:
		delete(g.repos[repo].tags, ref)
	default:
		delete(g.repos[repo].manifests, digest)
		for tag, to := range g.repos[repo].tags {
			if to == digest {
				delete(g.repos[repo].tags, tag)
			}
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

func (g *Registry) serveTags(w http.ResponseWriter, r *http.Request, repo, _ string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.repos[repo] == nil {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
		return
	}
	tags := slices.Collect(maps.Keys(g.repos[repo].tags))
	writeJSON(w, "application/json", map[string]any{"name": repo, "tags": g.page(w, r, tags)})
}

// serveCatalog lists the repositories.
func (g *Registry) serveCatalog(w http.ResponseWriter, r *http.Request, _, _ string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	names := slices.Collect(maps.Keys(g.repos))
	writeJSON(w, "application/json", map[string]any{"repositories": g.page(w, r, names)})
}

// page returns the requested page of a list, sorted, and sets the header Link to the next page.
func (g *Registry) page(w http.ResponseWriter, r *http.Request, all []string) []string {
	list := slices.DeleteFunc(all, func(name string) bool { return name <= r.URL.Query().Get("last") })
	slices.Sort(list)
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil || n < 0 {
		n = len(list)
	}
	if g.opts.Limits.PageSize > 0 {
		n = min(n, g.opts.Limits.PageSize)
	}
	if n < len(list) && n > 0 {
		query := url.Values{"n": {strconv.Itoa(n)}, "last": {list[n-1]}}
		w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.Path, query.Encode()))
	}
	return append([]string{}, list[:min(n, len(list))]...)
}

func (g *Registry) serveReferrers(w http.ResponseWriter, r *http.Request, repo, digest string) {
	if g.opts.NoReferrers {
		http.NotFound(w, r) // not JSON, as in distribution
		return
	}
	if !digestPattern.MatchString(digest) {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "malformed digest")
		return
	}
	query := r.URL.Query()
	found := g.listReferrers(repo, digest, query.Get("artifactType"))
	if query.Get("artifactType") != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	from, _ := strconv.Atoi(query.Get("from"))
	found = found[min(max(from, 0), len(found)):]
	if n := g.opts.Limits.PageSize; n > 0 && n < len(found) {
		found = found[:n]
		query.Set("from", strconv.Itoa(from+n))
		w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.Path, query.Encode()))
	}
	writeJSON(w, mediaTypeIndex, map[string]any{"schemaVersion": 2, "mediaType": mediaTypeIndex, "manifests": found})
}

// listReferrers returns the descriptors of the referrers of a digest, of all types if artifactType is empty.
func (g *Registry) listReferrers(repo, digest, artifactType string) []descriptor {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := []descriptor{}
	if g.repos[repo] == nil {
		return found
	}
	for own, m := range g.repos[repo].manifests {
		var c contents
		if json.Unmarshal(m.body, &c) != nil || c.Subject == nil || c.Subject.Digest != digest {
			continue
		}
		d := descriptor{MediaType: m.mediaType, Digest: own, Size: int64(len(m.body)), Annotations: c.Annotations,
			ArtifactType: c.ArtifactType}
		if d.ArtifactType == "" && c.Config != nil {
			d.ArtifactType = c.Config.MediaType
		}
		if artifactType == "" || artifactType == d.ArtifactType {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b descriptor) int { return cmp.Compare(a.Digest, b.Digest) })
	return found
}

func writeJSON(w http.ResponseWriter, mediaType string, value any) {
	body, _ := json.Marshal(value)
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	w.Write(body)
}
