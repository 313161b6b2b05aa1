package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// StoreManifest reads a manifest from r, checks that the blobs that it needs exist, and passes it to write, unless the layout or
// archive already has it. It returns the links of the manifest.
func StoreManifest(c *Catalog, desc ocispec.Descriptor, r io.Reader, write func(io.Reader) error) (*Links, error) {
	data, err := readManifest(desc, r)
	if err != nil {
		return nil, err
	}
	links, err := ParseLinks(data)
	if err != nil {
		return nil, artifact.Refused(desc.Digest.String(), "%w", err)
	}
	if err := CheckComplete(c, links); err != nil {
		return nil, fmt.Errorf("storing manifest %s: %w", BlobLabel(c, desc.Digest), err)
	}
	if _, err := ManifestData(c, desc); err == nil {
		return links, nil
	}
	return links, write(bytes.NewReader(data)) // it was missing or damaged
}

// readManifest reads a manifest and checks it against its descriptor.
func readManifest(desc ocispec.Descriptor, r io.Reader) ([]byte, error) {
	if desc.Size > manifest.MaxSize {
		return nil, artifact.Refused(desc.Digest.String(), "manifest too large: %d bytes, limit is %d MiB", desc.Size, manifest.MaxSize>>20)
	}
	data, err := manifest.ReadAll(r, desc)
	if errors.Is(err, artifact.ErrRefused) {
		err = &artifact.Error{Item: desc.Digest.String(), Err: err}
	}
	return data, err
}

// CheckComplete fails if content to which a manifest refers is missing or has the wrong size. Content with a URL may be missing,
// because it may be stored elsewhere.
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
