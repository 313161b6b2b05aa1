package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

const (
	// maxNodes limits the manifests that a walk through indexes visits, and maxDepth how deeply they may be nested.
	maxNodes = 100_000
	MaxDepth = 16
	// MaxHeld is the largest blob that is verified in memory before its first byte is returned.
	MaxHeld = 1 << 20
)

// Links are the descriptors that a manifest refers to.
type Links struct {
	mediaType    string // as its body says, or as its fields suggest
	artifactType string
	subject      digest.Digest // "": none
	Children     []ocispec.Descriptor
	Blobs        []ocispec.Descriptor
}

// LinksOf returns the descriptors that a manifest names.
func LinksOf(c *Catalog, desc ocispec.Descriptor) (*Links, error) {
	c.mu.Lock()
	l := c.links[desc.Digest]
	c.mu.Unlock()
	if l != nil {
		return l, nil
	}
	data, err := ManifestData(c, desc)
	if err != nil {
		return nil, err
	}
	l = ParseLinks(data)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.links[desc.Digest] = l
	return l, nil
}

// ParseLinks reads a manifest of any type. Content that is not a manifest has no links.
func ParseLinks(data []byte) *Links {
	var m struct {
		SchemaVersion int                  `json:"schemaVersion"`
		ArtifactType  string               `json:"artifactType"`
		Config        *ocispec.Descriptor  `json:"config"`
		Layers        []ocispec.Descriptor `json:"layers"`
		Blobs         []ocispec.Descriptor `json:"blobs"`
		Manifests     []ocispec.Descriptor `json:"manifests"`
		Subject       *ocispec.Descriptor  `json:"subject"`
	}
	if json.Unmarshal(data, &m) != nil {
		return &Links{}
	}
	l := &Links{artifactType: m.ArtifactType, Children: m.Manifests, Blobs: append(m.Layers, m.Blobs...)}
	if m.Config != nil {
		l.Blobs = append(l.Blobs, *m.Config)
	}
	if m.Subject != nil {
		l.subject = m.Subject.Digest
	}
	if t := manifest.TypeOf(data); manifest.Is(t) && (m.SchemaVersion == 2 || m.Blobs != nil) {
		l.mediaType = t
	}
	return l
}

// Walk visits manifests and those nested in indexes, each once. It passes manifests that could not be read to fn.
func Walk(ctx context.Context, c *Catalog, roots []ocispec.Descriptor, fn func(ocispec.Descriptor, *Links, error) error) error {
	seen := map[digest.Digest]bool{}
	for level := 0; len(roots) > 0; level++ {
		var next []ocispec.Descriptor
		for _, node := range roots {
			if seen[node.Digest] {
				continue
			}
			seen[node.Digest] = true
			if len(seen) > maxNodes || level > MaxDepth {
				return artifact.Refused(c.Path, "more than %d manifests, or indexes in each other more than %d deep", maxNodes, MaxDepth)
			}
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			l, err := LinksOf(c, node)
			if err == nil {
				next = append(next, l.Children...)
			}
			if err := fn(node, l, err); err != nil {
				return err
			}
		}
		roots = next
	}
	return nil
}

// errFound ends a walk.
var errFound = errors.New("found")

// reaches reports whether a manifest is listed, by the index itself or by one below it.
func isReached(ctx context.Context, c *Catalog, ix *Index, d digest.Digest) (bool, error) {
	if _, ok := ix.Lists(d); ok {
		return true, nil
	}
	var indexes []ocispec.Descriptor
	for _, e := range ix.Entries {
		if manifest.IsIndex(e.MediaType) {
			indexes = append(indexes, e.Descriptor)
		}
	}
	err := Walk(ctx, c, indexes, func(_ ocispec.Descriptor, l *Links, err error) error {
		if err == nil && slices.ContainsFunc(l.Children, func(child ocispec.Descriptor) bool { return child.Digest == d }) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// NeededBy returns the set of digests that are reached from roots. It fails if a manifest can't be read, because its
// links are unknown then.
func NeededBy(ctx context.Context, c *Catalog, roots []ocispec.Descriptor) (map[digest.Digest]bool, error) {
	needed := map[digest.Digest]bool{}
	err := Walk(ctx, c, roots, func(node ocispec.Descriptor, l *Links, err error) error {
		if needed[node.Digest] = true; err != nil {
			return err
		}
		for _, b := range l.Blobs {
			needed[b.Digest] = true
		}
		return nil
	})
	return needed, err
}

// CheckComplete names the first missing blob that a manifest needs. Blobs that have a URL may be stored elsewhere.
func CheckComplete(c *Catalog, l *Links) error {
	for _, desc := range slices.Concat(l.Children, l.Blobs) {
		b, err := OpenBlob(c, desc)
		if errors.Is(err, errdef.ErrNotFound) && len(desc.URLs) > 0 {
			continue
		}
		if err != nil {
			return err
		}
		_ = b.Close()
	}
	return nil
}

// ListEntry returns the form of a manifest's descriptor in an index.json.
func ListEntry(desc ocispec.Descriptor, l *Links) ocispec.Descriptor {
	if l.mediaType != "" {
		desc.MediaType = l.mediaType
	}
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
		ArtifactType: l.artifactType, Platform: desc.Platform}
}

// CheckUnneeded fails with errdef.ErrUnsupported if another listed manifest needs a blob.
func CheckUnneeded(ctx context.Context, c *Catalog, desc ocispec.Descriptor) error {
	ix, err := c.Store.Index(ctx)
	if err != nil {
		return err
	}
	return Walk(ctx, c, ix.Roots(), func(node ocispec.Descriptor, links *Links, err error) error {
		if err != nil {
			return nil
		}
		for _, d := range slices.Concat(links.Children, links.Blobs) {
			if d.Digest == desc.Digest {
				return &artifact.Error{Op: "deleting", Item: BlobLabel(c, desc.Digest), Err: reference.Invalid(fmt.Errorf("manifest %s needs it", node.Digest), errdef.ErrUnsupported)}
			}
		}
		return nil
	})
}
