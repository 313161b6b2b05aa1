package pull

import (
	"context"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// planItems decides how each layer is placed. The layers of some kinds are joined into one tar when they are not unpacked, as
// volume tools expect.
func (p *puller) planItems(ctx context.Context, m *fetch.Manifest) ([]*fetch.Item, error) {
	if !p.opts.NoUnpack || !m.Pull().Joins {
		return fetch.NewItems(ctx, p.src, m, p.opts.selection())
	}
	chosen := p.opts.selection()
	chosen.Include = nil // Include applies to the name of the tar
	items, err := fetch.NewItems(ctx, p.src, m, chosen)
	name := joinedName(m)
	if err != nil || !p.matcher.Match(name) {
		return nil, err
	}
	for _, it := range items {
		it.Joined, it.Name, it.Strip = true, name, oci.CleanDir(fetch.PrefixOf(m.Kind()))
	}
	return items, nil
}

// joinedName returns the name of the joined tar: from the artifact's title if that is a valid file name, otherwise from
// its kind.
func joinedName(m *fetch.Manifest) string {
	name, err := fetch.CleanName(m.Annotations[ocispec.AnnotationTitle] + ".tar")
	if err != nil || strings.Contains(name, "/") || name == ".tar" {
		return m.Kind().Name + ".tar"
	}
	return name
}
