package confirm

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// Artifact is the artifact to compare with. It is fetched by its digest and verified, so its descriptor need not be trusted.
type Artifact struct {
	Source   content.Fetcher
	Root     ocispec.Descriptor // a manifest or an index
	Platform *ocispec.Platform  // for an index; nil means that of this machine
	NoUnpack bool               // tar layers are single files
	Limits   archive.Limits
}

// Files returns the named files in dst that have the same content as in the artifact. byLayer maps each layer to the names of
// its files. If the artifact can't be read, Files returns nil.
func Files(ctx context.Context, a Artifact, dst *os.Root, byLayer map[digest.Digest]map[string]bool) map[string]bool {
	m, err := fetch.Load(ctx, a.Source, a.Root)
	if err != nil {
		return nil
	}
	if m, _, err = fetch.Choose(ctx, a.Source, m, a.Platform); err != nil {
		return nil
	}
	items, err := fetch.NewItems(ctx, a.Source, m, fetch.Selection{NoUnpack: a.NoUnpack})
	if err != nil {
		return nil
	}
	same := make(map[string]bool)
	for _, it := range slices.Backward(items) { // the upper layers of an image first
		names := byLayer[it.Desc.Digest]
		switch {
		case len(names) == 0:
		case !it.Unpack:
			if names[it.Name] && fetch.HasBlob(ctx, dst, it.Name, it.Desc) {
				same[it.Name] = true
			}
		default:
			for _, name := range a.findInTar(ctx, it, dst, names) {
				same[name] = true
			}
		}
	}
	return same
}

// findInTar returns the named files that equal those in a tar layer.
func (a Artifact) findInTar(ctx context.Context, it *fetch.Item, dst *os.Root, names map[string]bool) []string {
	var found []string
	err := fetch.Tar{Source: a.Source, Item: it, Limits: a.Limits}.Read(ctx, func(h *read.Header, content io.Reader) error {
		if names[h.Name] && equalsEntry(dst, h, content) {
			found = append(found, h.Name)
		}
		return nil
	})
	if err != nil {
		return nil // the entries are not verified
	}
	return found
}

// equalsEntry reports whether a file in the destination equals an entry of a tar. It returns false for hard links.
func equalsEntry(dst *os.Root, h *read.Header, content io.Reader) bool {
	info, err := dst.Lstat(h.Name)
	if err != nil || info.Mode().Type() != h.Mode.Type() {
		return false
	}
	if h.Mode.Type() == fs.ModeSymlink {
		target, err := dst.Readlink(h.Name)
		return err == nil && target == h.Link
	}
	if !h.Mode.IsRegular() || h.IsHardLink() || info.Size() != h.Size {
		return false
	}
	f, err := dst.Open(h.Name)
	if err != nil {
		return false
	}
	defer f.Close()
	a, b := make([]byte, fetch.CopyBuffer), make([]byte, fetch.CopyBuffer)
	for {
		n, err := io.ReadFull(content, a)
		m, _ := io.ReadFull(f, b)
		if !bytes.Equal(a[:n], b[:m]) {
			return false
		}
		if err != nil {
			return err == io.EOF || err == io.ErrUnexpectedEOF
		}
	}
}
