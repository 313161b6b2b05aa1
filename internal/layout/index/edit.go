package index

import (
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Add lists a manifest if it is not listed yet, and reports whether it did.
func (ix *Index) Add(desc ocispec.Descriptor) bool {
	if ix.first(desc.Digest) >= 0 {
		return false
	}
	ix.append(encode(desc))
	return true
}

// AddNamed lists a manifest under a name, even if it is listed already.
func (ix *Index) AddNamed(desc ocispec.Descriptor, name string) {
	ix.append(encode(desc).renamed(name, ""))
}

// Fold removes the untagged entries of the children of a listed index, because they can be reached through the index.
func (ix *Index) Fold(children []ocispec.Descriptor) {
	if len(children) > fewLookups {
		ix.lookups += len(children) // one search for each is too many
	}
	for _, child := range children {
		for _, i := range ix.unnamed(child.Digest) {
			ix.set(i, Entry{})
		}
	}
}

// remove removes a manifest with all its tags.
func (ix *Index) remove(d digest.Digest) {
	for _, i := range ix.of(d) {
		ix.set(i, Entry{})
	}
}

// tag moves a tag to a manifest. The manifest that had the tag stays listed.
func (ix *Index) tag(desc ocispec.Descriptor, tag string) {
	tagged := ix.tagged(tag)
	if e, err := ix.Find(tag); err == nil && e.Digest == desc.Digest && e.refName == tag && len(tagged) == 1 {
		return
	}
	ix.yield(tag)
	ix.strip(ix.tagged(tag))
	ix.Add(desc)
	ix.name(desc.Digest, tag, "")
}

// name sets the names of an unnamed entry of a listed manifest, or else adds an entry with the names.
func (ix *Index) name(d digest.Digest, refName, containerd string) {
	if bare := ix.unnamed(d); len(bare) > 0 {
		ix.set(bare[0], ix.entries[bare[0]].renamed(refName, containerd))
		return
	}
	e, _ := ix.Lists(d)
	ix.append(e.renamed(refName, containerd))
}

// tagged returns the positions of the entries whose ref name is exactly the tag or full name.
func (ix *Index) tagged(tag string) []int32 {
	return slices.DeleteFunc(ix.candidates(tag), func(i int32) bool { return ix.entries[i].refName != tag })
}

// yield removes a bare tag from entries that also have it as part of a full name, so that another manifest can get the tag.
func (ix *Index) yield(tag string) {
	for _, i := range ix.tagged(tag) {
		if names := ix.entries[i].fullNames(); len(names) > 0 {
			if e := ix.entries[i]; e.refName != names[0] || e.containerd != names[0] {
				ix.set(i, e.renamed(names[0], names[0]))
			}
		}
	}
}

// strip removes the names from entries. An unnamed entry stays, unless its manifest is listed elsewhere.
func (ix *Index) strip(which []int32) {
	var bare []Entry
	for _, i := range which {
		bare = append(bare, ix.entries[i])
		ix.set(i, Entry{})
	}
	for _, e := range bare {
		if ix.first(e.Digest) < 0 {
			ix.append(e.renamed("", ""))
		}
	}
}

// tagFrom moves the tag of one repository, as its full name, to a manifest. The same tag of another repository stays.
func (ix *Index) tagFrom(desc ocispec.Descriptor, full, tag string) {
	refName := tag
	for _, i := range ix.tagged(tag) {
		if ix.entries[i].isOfOther(full) {
			refName = full
		}
	}
	same := slices.DeleteFunc(ix.candidates(full, tag), func(i int32) bool {
		e := ix.entries[i]
		return !e.isOf(full) && (refName != tag || e.refName != tag)
	})
	if len(same) == 1 {
		if e := ix.entries[same[0]]; e.Digest == desc.Digest && e.refName == refName && e.containerd == full {
			return
		}
	}
	ix.strip(same)
	ix.Add(desc)
	// Docker and containerd write the tag, or the full name if another repository has the tag, and always the full name in
	// containerd's annotation.
	ix.name(desc.Digest, refName, full)
}

// untag removes a tag; its manifest stays listed.
func (ix *Index) untag(tag string) error {
	found, err := ix.Find(tag)
	if err != nil {
		return err
	}
	name := found.refName
	ix.strip(ix.search(func(e Entry) bool {
		return e.refName == name && (name == tag || e.Digest == found.Digest && e.shortTag() == found.shortTag())
	}))
	return nil
}

// Change is an edit of an index that can be repeated on a newer one.
type Change struct {
	// Apply makes the change. If it returns an error, it has changed nothing.
	Apply func(*Index) error
	// Holds reports whether the index, which others may have changed since, still has the change.
	Holds func(*Index) bool
}

// Tagging moves a tag. Where two processes move one tag, either may win.
func Tagging(entry ocispec.Descriptor, tag string) Change {
	return Change{
		Apply: func(ix *Index) error { ix.tag(entry, tag); return nil },
		Holds: func(ix *Index) bool { return len(ix.tagged(tag)) > 0 },
	}
}

// TaggingFrom moves the tag of one repository.
func TaggingFrom(entry ocispec.Descriptor, repository, tag string) Change {
	full := repository + ":" + tag
	return Change{
		Apply: func(ix *Index) error { ix.tagFrom(entry, full, tag); return nil },
		Holds: func(ix *Index) bool {
			return slices.ContainsFunc(ix.candidates(full), func(i int32) bool { return ix.entries[i].isOf(full) })
		},
	}
}

// Untagging removes an existing tag.
func Untagging(tag string) Change {
	var was digest.Digest
	return Change{
		Apply: func(ix *Index) error {
			e, err := ix.Find(tag)
			if err != nil {
				return err
			}
			was = e.Digest
			return ix.untag(tag)
		},
		Holds: func(ix *Index) bool { // another writer may have set the tag again
			e, err := ix.Find(tag)
			return err != nil || e.Digest != was
		},
	}
}

// Removal removes a manifest from the index.
func Removal(d digest.Digest) Change {
	return Change{
		Apply: func(ix *Index) error { ix.remove(d); return nil },
		Holds: func(ix *Index) bool { return ix.first(d) < 0 },
	}
}
