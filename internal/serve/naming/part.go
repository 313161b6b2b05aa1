package naming

import (
	"context"
	"maps"
	"slices"

	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layout is an image layout, which may hold manifests of several repositories.
type Layout interface {
	// Entries returns the entries of the index.
	Entries(ctx context.Context) ([]index.Entry, error)
	// Belonging returns the digests of the roots, the manifests in them, and all their attachments.
	Belonging(ctx context.Context, roots []ocispec.Descriptor) (map[digest.Digest]bool, error)
}

// Repository names a repository of a layout.
type Repository struct {
	Name string
	Home string // the layout's own repository
	Only bool   // the layout has no other repository, regardless of the names in its index
}

// Part holds the manifests of a layout that belong to one repository.
type Part struct {
	// Untagged are the manifests of the repository that the index lists without a name, such as attachments.
	Untagged []ocispec.Descriptor
	// IsAlias means that all manifests of the layout belong to other repositories. Its own name then finds those that have a tag in
	// addition to a full name.
	IsAlias bool

	tags      map[string]ocispec.Descriptor
	manifests map[digest.Digest]bool
}

// PartOf returns the part of a layout that belongs to a repository: the manifests that the index lists under its name, those in
// them, and the attachments of all of these. The layout's own repository also has the manifests with only a tag, and those that
// belong to no other repository. A manifest may belong to several repositories.
func PartOf(ctx context.Context, l Layout, r Repository) (*Part, error) {
	entries, err := l.Entries(ctx)
	if err != nil {
		return nil, err
	}
	all := groupEntries(entries, r)
	p := &Part{tags: all.own}
	var loose []ocispec.Descriptor
	if r.Name == r.Home {
		reached, err := l.Belonging(ctx, all.named)
		if err != nil {
			return nil, err
		}
		for _, desc := range all.unnamed {
			if !reached[desc.Digest] {
				loose = append(loose, desc)
			}
		}
		maps.Copy(all.bare, all.own)
		p.tags = all.bare
		if p.IsAlias = len(p.tags)+len(loose) == 0 && len(entries) > 0; p.IsAlias {
			p.tags = all.beside
		}
	}
	p.manifests, err = l.Belonging(ctx, slices.AppendSeq(slices.Clone(loose), maps.Values(p.tags)))
	if err != nil {
		return nil, err
	}
	skip := map[digest.Digest]bool{}
	for _, desc := range all.named {
		skip[desc.Digest] = true
	}
	for _, desc := range all.unnamed {
		if p.manifests[desc.Digest] && !skip[desc.Digest] {
			p.Untagged = append(p.Untagged, desc)
			skip[desc.Digest] = true // listed once
		}
	}
	return p, nil
}

// grouped holds the entries of an index, grouped for one repository. If several have the same tag, the last one wins.
type grouped struct {
	own    map[string]ocispec.Descriptor // with a full name of the repository
	bare   map[string]ocispec.Descriptor // with only a tag
	beside map[string]ocispec.Descriptor // with a tag in addition to a full name

	named, unnamed []ocispec.Descriptor
}

// groupEntries groups the entries of an index for a repository.
func groupEntries(entries []index.Entry, r Repository) *grouped {
	s := &grouped{own: map[string]ocispec.Descriptor{}, bare: map[string]ocispec.Descriptor{}, beside: map[string]ocispec.Descriptor{}}
	for _, e := range entries {
		desc, isFull := e.Descriptor(), false
		if r.Name != r.Home && e.IsNamed() && !e.Mentions(r.Name) { // of another repository; parsing its names takes longer
			s.named = append(s.named, desc)
			continue
		}
		for _, name := range e.FullNames() {
			repository, tag := Split(name)
			if repository == r.Name {
				s.own[tag] = desc
			}
			isFull = isFull || repository == r.Name || repository != "" && !r.Only
		}
		switch tag := e.Tag(); {
		case tag == "" && !isFull:
			s.unnamed = append(s.unnamed, desc)
			continue
		case tag != "" && isFull:
			s.beside[tag] = desc
		case tag != "":
			s.bare[tag] = desc
		}
		s.named = append(s.named, desc)
	}
	return s
}

// Tags returns the tags of the repository, sorted.
func (p *Part) Tags() []string { return slices.Sorted(maps.Keys(p.tags)) }

// Find returns the digest of a tag of the repository, or a digest that belongs to it. It returns false for any other reference.
func (p *Part) Find(reference string) (d digest.Digest, ok bool) {
	if d, err := digest.Parse(reference); err == nil {
		return d, p.manifests[d]
	}
	desc, ok := p.tags[reference]
	return desc.Digest, ok
}
