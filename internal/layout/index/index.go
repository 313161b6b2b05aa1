// Package index reads, searches, and edits the index.json of a layout or archive, which may list many manifests under many names.
package index

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Index is an index.json. A manifest has an entry for each tag, or one entry without a tag. An entry takes 100 bytes of memory
// besides its text. Several goroutines may read an Index while none changes it.
type Index struct {
	head    head
	entries []Entry // an entry without a digest has been removed
	live    int     // how many entries have not been removed
	version int

	mu      sync.Mutex // guards the fields below, which readers may set
	lookups int
	tables  *tables              // nil until there are many lookups
	indexes []ocispec.Descriptor // nil until Indexes is called
}

// New returns the index of an empty layout.
func New() *Index {
	return &Index{head: head{SchemaVersion: 2, MediaType: ocispec.MediaTypeImageIndex}}
}

// Clone returns an independent copy.
func (ix *Index) Clone() *Index {
	return &Index{head: ix.head, entries: ix.Entries(), live: ix.live, version: ix.version}
}

// Version returns a number that increases with each change of the index.
func (ix *Index) Version() int { return ix.version }

// Len returns the number of entries.
func (ix *Index) Len() int { return ix.live }

// Entries returns the entries that have not been removed.
func (ix *Index) Entries() []Entry {
	all := make([]Entry, 0, ix.live)
	for _, e := range ix.entries {
		if e.Digest != "" {
			all = append(all, e)
		}
	}
	return all
}

// Roots returns the descriptors of all entries. Inlined, it would add 3 KB to the program.
//
//go:noinline
func (ix *Index) Roots() []ocispec.Descriptor {
	roots := make([]ocispec.Descriptor, 0, ix.live)
	for _, e := range ix.entries {
		if e.Digest != "" {
			roots = append(roots, e.Descriptor())
		}
	}
	return roots
}

// Indexes returns the listed image indexes in the order in which they were added, including those removed since its first call.
func (ix *Index) Indexes() []ocispec.Descriptor {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.indexes == nil {
		ix.indexes = []ocispec.Descriptor{}
		for _, e := range ix.entries {
			ix.recordIndex(e)
		}
	}
	return ix.indexes
}

// recordIndex adds an entry to indexes if it is an image index.
func (ix *Index) recordIndex(e Entry) {
	if ix.indexes != nil && e.Digest != "" && manifest.IsIndex(e.MediaType) {
		ix.indexes = append(ix.indexes, e.Descriptor())
	}
}

// Find returns the entry for a tag or full name. It takes the first of these that exists:
//   - an entry with the bare tag (the last one, if there are several) or with this ref name,
//   - one with this full name in containerd's annotation,
//   - one whose full name matches without the host,
//   - one whose full name ends in the tag.
//
// It fails with errdef.ErrNotFound if no entry matches, and with an *AmbiguousError if several manifests have the tag.
func (ix *Index) Find(tag string) (Entry, error) {
	candidates := ix.candidates(tag)
	for _, matches := range []func(Entry) bool{
		func(e Entry) bool { return e.refName == tag && (len(e.FullNames()) == 0 || e.hasFullName(tag)) },
		func(e Entry) bool { return e.containerd == tag },
		func(e Entry) bool { return e.shortName() == tag },
		func(e Entry) bool { return e.refName == tag || e.shortTag() == tag },
	} {
		var found []Entry
		for _, i := range candidates {
			if matches(ix.entries[i]) {
				found = append(found, ix.entries[i])
			}
		}
		if len(found) == 0 {
			continue
		}
		last := found[len(found)-1]
		if slices.ContainsFunc(found, func(e Entry) bool { return e.Digest != last.Digest }) && (last.refName != tag || len(last.FullNames()) > 0) {
			return Entry{}, newAmbiguousError(tag, found)
		}
		return last, nil
	}
	return Entry{}, fmt.Errorf("%q: %w", tag, errdef.ErrNotFound)
}

// FindOf returns the entry with a tag in a repository: by the full name, or by the bare tag if the entry names no repository.
func (ix *Index) FindOf(repository, tag string) (Entry, bool) {
	full := repository + ":" + tag
	candidates := ix.candidates(full, tag)
	for _, matches := range []func(Entry) bool{
		func(e Entry) bool { return e.hasFullName(full) },
		func(e Entry) bool { return e.refName == tag && !e.hasOtherName(full) },
	} {
		for _, i := range slices.Backward(candidates) {
			if matches(ix.entries[i]) {
				return ix.entries[i], true
			}
		}
	}
	return Entry{}, false
}

// RepositoryOf returns the repository, with its host, in which a manifest has the tag or name ref, or "" if it is not known.
func (ix *Index) RepositoryOf(d digest.Digest, ref string) string {
	for _, i := range ix.candidates(ref) {
		if ix.entries[i].Digest != d {
			continue
		}
		for _, name := range ix.entries[i].FullNames() {
			host, repository, tag := reference.SplitName(name)
			switch {
			case tag != ref && name != ref && repository+":"+tag != ref:
			case host == "":
				return repository
			default:
				return host + "/" + repository
			}
		}
	}
	return ""
}

// Lists returns the first entry of a manifest, and whether the manifest is listed.
func (ix *Index) Lists(d digest.Digest) (Entry, bool) {
	if i := ix.firstOf(d); i >= 0 {
		return ix.entries[i], true
	}
	return Entry{}, false
}

// Tags lists the tags of all entries, sorted and without duplicates. They include the tags in full names.
func (ix *Index) Tags() []string {
	tags := []string{}
	for _, e := range ix.entries {
		if reference.TagPattern().MatchString(e.refName) {
			tags = append(tags, e.refName)
		} else if short := e.shortTag(); short != "" {
			tags = append(tags, short)
		}
	}
	return lists.SortUnique(tags)
}

// Names lists the names of a manifest, or of all manifests if d is empty, as they are written: tags, and full names that end in a
// tag.
func (ix *Index) Names(d digest.Digest) (names []string) {
	for _, i := range ix.entriesOf(d) {
		for _, name := range []string{ix.entries[i].refName, ix.entries[i].containerd} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// FullTags lists the names of all entries, sorted and without duplicates. A name includes its repository if that is known.
func (ix *Index) FullTags() []string {
	var all []string
	for _, e := range ix.entries {
		if names := append(e.FullNames(), e.refName); names[0] != "" {
			all = append(all, names[0])
		}
	}
	return lists.SortUnique(all)
}

// Repositories lists the repositories in full names, sorted, with their hosts. nameless reports whether there are tags without a
// repository, or only manifests without names. Manifests without names beside named ones are ignored, because they are usually
// attachments, which belong to their subjects, and so are those with tags of the referrers tag schema or of cosign.
func (ix *Index) Repositories() (names []string, nameless bool) {
	for _, e := range ix.entries {
		if e.Digest == "" {
			continue
		}
		full := e.FullNames()
		nameless = nameless || len(full) == 0 && e.refName != "" && !manifest.IsMachineTag(e.refName)
		for _, name := range full {
			host, repository, _ := reference.SplitName(name)
			if host != "" {
				repository = host + "/" + repository
			}
			names = append(names, repository)
		}
	}
	return lists.SortUnique(names), nameless || len(names) == 0 && ix.live > 0
}

// TagsOf lists the tags of a repository, sorted. They come from full names.
func (ix *Index) TagsOf(repository string) (tags []string) {
	for _, e := range ix.entries {
		for _, name := range e.FullNames() {
			host, repo, tag := reference.SplitName(name)
			if repo == repository || host+"/"+repo == repository {
				tags = append(tags, tag)
			}
		}
	}
	return lists.SortUnique(tags)
}

// Sort sorts the entries by ref name. Entries without a ref name follow, sorted by digest. Their order then does not depend on when
// they were added.
func (ix *Index) Sort() {
	ix.entries, ix.tables = ix.Entries(), nil
	lists.Sort(ix.entries, func(a, b Entry) int {
		switch {
		case a.refName != "" && b.refName != "":
			return cmp.Compare(a.refName, b.refName)
		case a.refName != "":
			return -1
		case b.refName != "":
			return 1
		}
		return strings.Compare(string(a.Digest), string(b.Digest))
	})
}
