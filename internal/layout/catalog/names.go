package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/davit-oci/davit/internal/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// fullNames returns the names of an entry that have a repository in them.
func (e IndexEntry) fullNames() []string {
	var names []string
	for _, name := range []string{e.Annotations[AnnotationContainerd], e.RefName()} {
		if _, repository, _ := reference.SplitName(name); repository != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// isOf reports whether an entry belongs to a full name, and isOfOther whether it belongs to other names alone.
func (e IndexEntry) isOf(name string) bool { return slices.Contains(e.fullNames(), name) }

func (e IndexEntry) isOfOther(name string) bool { return len(e.fullNames()) > 0 && !e.isOf(name) }

// withFullName returns the entry as docker and containerd write it: with its tag, or if another repository has that, with its full
// name, and in any case with the full name for them.
func (e IndexEntry) withFullName(refName, full string) IndexEntry {
	e = e.WithName(refName)
	e.Annotations[AnnotationContainerd] = full
	return e
}

// tagFrom moves the tag of one repository, as its full name, to a manifest. The same tag of another repository stays.
func (ix *Index) tagFrom(desc ocispec.Descriptor, full, tag string) {
	refName := tag
	for _, e := range ix.Entries {
		if e.RefName() == tag && e.isOfOther(full) {
			refName = full
		}
	}
	isSame := func(e IndexEntry) bool {
		return e.isOf(full) || refName == tag && e.RefName() == tag
	}
	same, whole := 0, false
	for _, e := range ix.Entries {
		if isSame(e) {
			same++
			whole = e.Digest == desc.Digest && e.RefName() == refName && e.Annotations[AnnotationContainerd] == full
		}
	}
	if same == 1 && whole {
		return
	}
	ix.strip(isSame)
	ix.Add(desc)
	for i, e := range ix.Entries { // the entry without a name, if any, gets it
		if e.Digest == desc.Digest && !e.named() {
			ix.Entries[i] = e.withFullName(refName, full)
			return
		}
	}
	e, _ := ix.Lists(desc.Digest)
	ix.Entries = append(ix.Entries, e.withFullName(refName, full))
}

// yield leaves the entries that have a tag as part of a full name without the tag alone, which another manifest gets.
func (ix *Index) yield(tag string) {
	for i, e := range ix.Entries {
		if names := e.fullNames(); e.RefName() == tag && len(names) > 0 {
			ix.Entries[i] = e.withFullName(names[0], names[0])
		}
	}
}

// TaggingFrom moves the tag of one repository.
func TaggingFrom(entry ocispec.Descriptor, repository, tag string) Change {
	full := repository + ":" + tag
	return Change{
		Apply: func(ix *Index) error { ix.tagFrom(entry, full, tag); return nil },
		Holds: func(ix *Index) bool {
			return slices.ContainsFunc(ix.Entries, func(e IndexEntry) bool { return e.isOf(full) })
		},
	}
}

// Repositories lists the repositories that full names in the index name, sorted, with their hosts, and reports whether there are
// tags without such a name, or nothing but manifests without names. Attachments have none, and belong to what they are attached to.
func (c *Catalog) Repositories(ctx context.Context) (names []string, nameless bool, err error) {
	ix, err := c.Store.Index(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, e := range ix.Entries {
		full := e.fullNames()
		nameless = nameless || len(full) == 0 && e.RefName() != ""
		for _, name := range full {
			host, repository, _ := reference.SplitName(name)
			if host != "" {
				repository = host + "/" + repository
			}
			names = append(names, repository)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nameless || len(names) == 0 && len(ix.Entries) > 0, nil
}

// TagsOf lists the tags that full names give to a repository, sorted.
func (c *Catalog) TagsOf(ctx context.Context, repository string) ([]string, error) {
	ix, err := c.Store.Index(ctx)
	if err != nil {
		return nil, err
	}
	var tags []string
	for _, e := range ix.Entries {
		for _, name := range e.fullNames() {
			host, repo, tag := reference.SplitName(name)
			if repo == repository || host+"/"+repo == repository {
				tags = append(tags, tag)
			}
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags), nil
}

// ResolveFrom returns the manifest that has a tag for a repository: by its full name, or by the tag alone if nothing says of which
// repository it is.
func (c *Catalog) ResolveFrom(ctx context.Context, repository, tag string) (ocispec.Descriptor, error) {
	ix, err := c.Store.Index(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	full := repository + ":" + tag
	for _, is := range []func(IndexEntry) bool{
		func(e IndexEntry) bool { return e.isOf(full) },
		func(e IndexEntry) bool { return e.RefName() == tag && !e.isOfOther(full) },
	} {
		for _, e := range slices.Backward(ix.Entries) {
			if is(e) {
				return plain(e.Descriptor), nil
			}
		}
	}
	return ocispec.Descriptor{}, fmt.Errorf("%s: %q: %w", c.Path, full, errdef.ErrNotFound)
}

// FullTags lists the names of all entries, sorted, each once: with their repository where it is known.
func (c *Catalog) FullTags(ctx context.Context) ([]string, error) {
	ix, err := c.Store.Index(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range ix.Entries {
		if names := append(e.fullNames(), e.RefName()); names[0] != "" {
			all = append(all, names[0])
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
