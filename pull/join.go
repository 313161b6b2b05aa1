package pull

import (
	"context"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// planItems decides what becomes of each layer. A kind may want its layers as one tar where they are not unpacked, as tools for
// volumes do.
func (p *puller) planItems(ctx context.Context, m *fetch.Manifest) ([]*fetch.Item, error) {
	if !p.opts.NoUnpack || !m.Pull().Joins {
		return fetch.NewItems(ctx, p.src, m, p.opts.selection())
	}
	chosen := p.opts.selection()
	chosen.Include = nil // it is about the tar
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

// joinedName returns the name of the tar of the joined layers: that of the artifact's title if it is the name of a file, else
// of its kind.
func joinedName(m *fetch.Manifest) string {
	name, err := fetch.CleanName(m.Annotations[ocispec.AnnotationTitle] + ".tar")
	if err != nil || strings.Contains(name, "/") || name == ".tar" {
		return m.Kind().Name + ".tar"
	}
	return name
}
