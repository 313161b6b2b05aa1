// Package index is the index.json of a layout or archive, which may list many manifests under many names.
package index

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Index lists manifests, each once per tag or once without a tag. An entry takes 100 bytes of memory beside its text. Several
// goroutines may read an Index while none changes it.
type Index struct {
	head    head
	entries []Entry // those without a digest were removed
	live    int
	version int

	mu      sync.Mutex // guards what readers build
	lookups int
	tables  *tables // nil: there were few lookups
	indexes []ocispec.Descriptor
}

// New returns the index of an empty layout.
func New() *Index {
	return &Index{head: head{SchemaVersion: 2, MediaType: ocispec.MediaTypeImageIndex}}
}

// Clone returns a copy that may be changed.
func (ix *Index) Clone() *Index {
	return &Index{head: ix.head, entries: ix.all(), live: ix.live, version: ix.version}
}

// Version changes whenever the index does.
func (ix *Index) Version() int { return ix.version }

// Len returns the number of entries.
func (ix *Index) Len() int { return ix.live }

// all returns the entries, without those that were removed.
func (ix *Index) all() []Entry {
	all := make([]Entry, 0, ix.live)
	for _, e := range ix.entries {
		if e.Digest != "" {
			all = append(all, e)
		}
	}
	return all
}

// Roots returns the listed manifests.
func (ix *Index) Roots() []ocispec.Descriptor {
	roots := make([]ocispec.Descriptor, 0, ix.live)
	for _, e := range ix.entries {
		if e.Digest != "" {
			roots = append(roots, e.Descriptor())
		}
	}
	return roots
}

// Indexes returns the indexes that were ever listed. New ones come last.
func (ix *Index) Indexes() []ocispec.Descriptor {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.indexes == nil {
		ix.indexes = []ocispec.Descriptor{}
		for _, e := range ix.entries {
			ix.noteIndex(e)
		}
	}
	return ix.indexes
}

func (ix *Index) noteIndex(e Entry) {
	if ix.indexes != nil && e.Digest != "" && manifest.IsIndex(e.MediaType) {
		ix.indexes = append(ix.indexes, e.Descriptor())
	}
}

// Find returns the entry of a tag or full name: the one with the bare tag (the last, if there are several), else the one whose
// full name equals it, or ends in it: in the repository without its host, or in the tag.
func (ix *Index) Find(tag string) (Entry, error) {
	candidates := ix.candidates(tag)
	for _, matches := range []func(Entry) bool{
		func(e Entry) bool { return e.refName == tag && (len(e.fullNames()) == 0 || e.isOf(tag)) },
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
		if i := slices.IndexFunc(found, func(e Entry) bool { return e.Digest != last.Digest }); i >= 0 && (last.refName != tag || len(last.fullNames()) > 0) {
			both := fmt.Errorf("ambiguous tag: %s and %s have it", found[i].printed(), last.printed())
			return Entry{}, &artifact.Error{Op: "resolving", Item: tag, Err: reference.Invalid(both, errdef.ErrInvalidReference),
				Hint: fmt.Sprintf("use the full name after the path (PATH:%s), or the digest: @%s or @%s", last.printed(), found[i].Digest, last.Digest)}
		}
		return last, nil
	}
	return Entry{}, fmt.Errorf("%q: %w", tag, errdef.ErrNotFound)
}

// FindOf returns the entry that has a tag for a repository: by its full name, or by the bare tag if the entry names no
// repository.
func (ix *Index) FindOf(repository, tag string) (Entry, bool) {
	full := repository + ":" + tag
	candidates := ix.candidates(full, tag)
	for _, is := range []func(Entry) bool{
		func(e Entry) bool { return e.isOf(full) },
		func(e Entry) bool { return e.refName == tag && !e.isOfOther(full) },
	} {
		for _, i := range slices.Backward(candidates) {
			if is(ix.entries[i]) {
				return ix.entries[i], true
			}
		}
	}
	return Entry{}, false
}

// RepositoryOf returns the repository, with its host, that a manifest has a tag or name for; "": none.
func (ix *Index) RepositoryOf(d digest.Digest, ref string) string {
	for _, i := range ix.candidates(ref) {
		if ix.entries[i].Digest != d {
			continue
		}
		for _, name := range ix.entries[i].fullNames() {
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

// Lists returns the first entry of a manifest.
func (ix *Index) Lists(d digest.Digest) (Entry, bool) {
	if i := ix.first(d); i >= 0 {
		return ix.entries[i], true
	}
	return Entry{}, false
}

// Tags lists the tags that Find finds, sorted.
func (ix *Index) Tags() []string {
	tags := []string{}
	for _, e := range ix.entries {
		if reference.TagPattern().MatchString(e.refName) {
			tags = append(tags, e.refName)
		} else if short := e.shortTag(); short != "" {
			tags = append(tags, short)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// Names lists the names as written, of one manifest or, if d is empty, of all: tags, and full names that end in one.
func (ix *Index) Names(d digest.Digest) (names []string) {
	for _, i := range ix.of(d) {
		for _, name := range []string{ix.entries[i].refName, ix.entries[i].containerd} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// FullTags lists the names of all entries, sorted, each once: with their repository where it is known.
func (ix *Index) FullTags() []string {
	var all []string
	for _, e := range ix.entries {
		if names := append(e.fullNames(), e.refName); names[0] != "" {
			all = append(all, names[0])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Repositories lists the repositories that full names name, sorted, with their hosts, and reports whether there are tags
// without such a name, or only manifests without names. Attachments have no names, and belong to their subjects.
func (ix *Index) Repositories() (names []string, nameless bool) {
	for _, e := range ix.entries {
		if e.Digest == "" {
			continue
		}
		full := e.fullNames()
		nameless = nameless || len(full) == 0 && e.refName != ""
		for _, name := range full {
			host, repository, _ := reference.SplitName(name)
			if host != "" {
				repository = host + "/" + repository
			}
			names = append(names, repository)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nameless || len(names) == 0 && ix.live > 0
}

// TagsOf lists the tags that full names give to a repository, sorted.
func (ix *Index) TagsOf(repository string) (tags []string) {
	for _, e := range ix.entries {
		for _, name := range e.fullNames() {
			host, repo, tag := reference.SplitName(name)
			if repo == repository || host+"/"+repo == repository {
				tags = append(tags, tag)
			}
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// Sort orders the entries independently of when they were added.
func (ix *Index) Sort() {
	ix.entries, ix.tables = ix.all(), nil
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
