package index

import (
	"slices"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Add lists a manifest if it is not listed yet, and reports whether it has added an entry.
func (ix *Index) Add(desc ocispec.Descriptor) bool {
	if ix.firstOf(desc.Digest) >= 0 {
		return false
	}
	ix.append(encode(desc))
	return true
}

// AddNamed adds an entry for a manifest with a name, even if the manifest is listed already.
func (ix *Index) AddNamed(desc ocispec.Descriptor, name string) {
	ix.append(encode(desc).withNames(name, ""))
}

// Fold removes the unnamed entries of the children of a listed index, because the children are reachable through the index.
func (ix *Index) Fold(children []ocispec.Descriptor) {
	if len(children) > fewLookups {
		ix.lookups += len(children) // make the tables now, instead of searching the entries for each child
	}
	for _, child := range children {
		for _, i := range ix.unnamed(child.Digest) {
			ix.set(i, Entry{})
		}
	}
}

// remove removes a manifest with all its tags.
func (ix *Index) remove(d digest.Digest) {
	for _, i := range ix.entriesOf(d) {
		ix.set(i, Entry{})
	}
}

// tag moves a tag to a manifest, and lists the manifest if necessary. The manifest that had the tag stays listed.
func (ix *Index) tag(desc ocispec.Descriptor, tag string) {
	tagged := ix.findTagged(tag)
	if e, err := ix.Find(tag); err == nil && e.Digest == desc.Digest && e.refName == tag && len(tagged) == 1 {
		return
	}
	ix.releaseTag(tag)
	ix.removeNames(ix.findTagged(tag))
	ix.Add(desc)
	ix.setNames(desc.Digest, tag, "")
}

// setNames sets the names of an unnamed entry of a listed manifest. If all of its entries have names, it adds an entry.
func (ix *Index) setNames(d digest.Digest, refName, containerd string) {
	if bare := ix.unnamed(d); len(bare) > 0 {
		ix.set(bare[0], ix.entries[bare[0]].withNames(refName, containerd))
		return
	}
	e, _ := ix.Lists(d)
	ix.append(e.withNames(refName, containerd))
}

// findTagged returns the positions of the entries whose ref name equals tag, which may be a full name.
func (ix *Index) findTagged(tag string) []int32 {
	return lists.Delete(ix.candidates(tag), func(i int32) bool { return ix.entries[i].refName != tag })
}

// releaseTag replaces a bare tag in entries that also have a full name with the full name, so that another manifest can get the tag.
func (ix *Index) releaseTag(tag string) {
	for _, i := range ix.findTagged(tag) {
		if names := ix.entries[i].FullNames(); len(names) > 0 {
			if e := ix.entries[i]; e.refName != names[0] || e.containerd != names[0] {
				ix.set(i, e.withNames(names[0], names[0]))
			}
		}
	}
}

// removeNames removes the entries at these positions. A manifest that then has no entry gets an unnamed one.
func (ix *Index) removeNames(positions []int32) {
	var bare []Entry
	for _, i := range positions {
		bare = append(bare, ix.entries[i])
		ix.set(i, Entry{})
	}
	for _, e := range bare {
		if ix.firstOf(e.Digest) < 0 {
			ix.append(e.withNames("", ""))
		}
	}
}

// tagFrom moves the tag of one repository to a manifest. full is the full name of the tag. The same tag of other repositories stays.
func (ix *Index) tagFrom(desc ocispec.Descriptor, full, tag string) {
	refName := tag
	for _, i := range ix.findTagged(tag) {
		if ix.entries[i].hasOtherName(full) {
			refName = full
		}
	}
	same := lists.Delete(ix.candidates(full, tag), func(i int32) bool {
		e := ix.entries[i]
		return !e.hasFullName(full) && (refName != tag || e.refName != tag)
	})
	if len(same) == 1 {
		if e := ix.entries[same[0]]; e.Digest == desc.Digest && e.refName == refName && e.containerd == full {
			return
		}
	}
	ix.removeNames(same)
	ix.Add(desc)
	// As in Docker and containerd, the ref name is the tag, or the full name if another repository has the tag, and
	// containerd's annotation is always the full name.
	ix.setNames(desc.Digest, refName, full)
}

// untag removes a tag. Its manifest stays listed. It fails with errdef.ErrNotFound if there is no such tag.
func (ix *Index) untag(tag string) error {
	found, err := ix.Find(tag)
	if err != nil {
		return err
	}
	name := found.refName
	ix.removeNames(ix.search(func(e Entry) bool {
		return e.refName == name && (name == tag || e.Digest == found.Digest && e.shortTag() == found.shortTag())
	}))
	return nil
}

// Change is an edit that can be repeated on a newer version of the index.
type Change struct {
	// Apply makes the change. If it returns an error, it has changed nothing.
	Apply func(*Index) error
	// Holds reports whether the change is still in effect in a version that other writers may have changed.
	Holds func(*Index) bool
}

// Tagging returns the change that moves a tag. If two processes move the same tag, either may win.
func Tagging(entry ocispec.Descriptor, tag string) Change {
	return Change{
		Apply: func(ix *Index) error { ix.tag(entry, tag); return nil },
		Holds: func(ix *Index) bool { return len(ix.findTagged(tag)) > 0 },
	}
}

// TaggingFrom returns the change that moves the tag of one repository.
func TaggingFrom(entry ocispec.Descriptor, repository, tag string) Change {
	full := repository + ":" + tag
	return Change{
		Apply: func(ix *Index) error { ix.tagFrom(entry, full, tag); return nil },
		Holds: func(ix *Index) bool {
			return slices.ContainsFunc(ix.candidates(full), func(i int32) bool { return ix.entries[i].hasFullName(full) })
		},
	}
}

// Untagging returns the change that removes an existing tag.
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

// Removal returns the change that removes a manifest from the index.
func Removal(d digest.Digest) Change {
	return Change{
		Apply: func(ix *Index) error { ix.remove(d); return nil },
		Holds: func(ix *Index) bool { return ix.firstOf(d) < 0 },
	}
}
