package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// NeededBy returns the digests that are reachable from roots: manifests, blobs, and subjects. A subject is needed as long as one of
// its referrers is, unless it is in deleted. NeededBy fails if it can't determine the digests: if a manifest can't be read, or if
// it mentions an existing blob in a way that davit does not understand, as Docker's first manifests do and those of future
// specifications may.
func NeededBy(ctx context.Context, c *Catalog, roots []ocispec.Descriptor, deleted ...digest.Digest) (map[digest.Digest]bool, error) {
	needed, mentioned := map[digest.Digest]bool{}, map[digest.Digest]digest.Digest{}
	for len(roots) > 0 {
		var subjects []ocispec.Descriptor
		err := Walk(ctx, c, roots, func(node ocispec.Descriptor, l *Links, err error) error {
			if needed[node.Digest] = true; err != nil {
				return err
			}
			for _, b := range l.Blobs {
				needed[b.Digest] = true
			}
			for _, d := range l.mentioned {
				mentioned[d] = node.Digest
			}
			if l.subject != nil && !slices.Contains(deleted, l.subject.Digest) {
				subjects = append(subjects, *l.subject)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if roots, err = existingSubjects(c, subjects, needed); err != nil {
			return nil, err
		}
	}
	for d, by := range mentioned {
		if needed[d] {
			continue
		}
		if found, err := exists(c, d); found || err != nil {
			return nil, fault.Join(err, fmt.Errorf("manifest %s mentions %s in an unknown field or format", by, d))
		}
	}
	return needed, nil
}

// existingSubjects returns the subjects that are stored and have not been visited.
func existingSubjects(c *Catalog, subjects []ocispec.Descriptor, visited map[digest.Digest]bool) ([]ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	for _, desc := range subjects {
		if visited[desc.Digest] {
			continue
		}
		ok, err := exists(c, desc.Digest)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, desc)
		}
	}
	return found, nil
}

// exists reports whether a blob of any size is stored under a digest. It returns false for an invalid digest.
func exists(c *Catalog, d digest.Digest) (bool, error) {
	if d.Validate() != nil {
		return false, nil
	}
	b, err := c.Store.Blob(d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, b.Close()
}

// isLeaf reports whether the media type of a descriptor is that of a layer or config, which has no links. Indexes may list such
// content beside manifests.
func isLeaf(desc ocispec.Descriptor) bool {
	if manifest.IsNondistributable(desc.MediaType) {
		return true
	}
	for _, prefix := range []string{"application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.", "application/vnd.oci.image.config.",
		"application/vnd.docker.container.image."} {
		if strings.HasPrefix(desc.MediaType, prefix) {
			return true
		}
	}
	return false
}
