package layout

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/untrusted"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// maxIndex is the most bytes of an index.json that is read. It is more than a manifest may have, because a layout with
// many tags is large and no registry has to take it: some 50,000 entries.
const maxIndex = 16 << 20

// annotationContainerd is where containerd and docker save keep the full name of an image; ref.name has its tag then.
const annotationContainerd = "io.containerd.image.name"

// index is an index.json: what a layout lists, each manifest once per tag or once without.
type index struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType,omitempty"`
	ArtifactType  string          `json:"artifactType,omitempty"`
	Entries       []indexEntry    `json:"manifests"`
	Subject       json.RawMessage `json:"subject,omitempty"`
	Annotations   json.RawMessage `json:"annotations,omitempty"`
}

// indexEntry is a descriptor that is written as it was read, unless it was changed: other tools may have put more into
// it than is known here.
type indexEntry struct {
	ocispec.Descriptor
	raw json.RawMessage // nil: Descriptor was changed
}

// UnmarshalJSON keeps the bytes.
func (e *indexEntry) UnmarshalJSON(data []byte) error {
	e.raw = bytes.Clone(data)
	return json.Unmarshal(data, &e.Descriptor)
}

// MarshalJSON writes what was read, or the descriptor.
func (e indexEntry) MarshalJSON() ([]byte, error) {
	if e.raw != nil {
		return e.raw, nil
	}
	return json.Marshal(e.Descriptor)
}

// newIndex is that of an empty layout.
func newIndex() *index {
	return &index{SchemaVersion: 2, MediaType: ocispec.MediaTypeImageIndex, Entries: []indexEntry{}}
}

func parseIndex(data []byte) (*index, error) {
	ix := newIndex()
	ix.MediaType = "" // written only where it was
	if err := json.Unmarshal(data, ix); err != nil {
		return nil, err
	}
	if ix.SchemaVersion != 2 {
		return nil, fmt.Errorf("schemaVersion %d", ix.SchemaVersion)
	}
	if ix.Entries == nil {
		ix.Entries = []indexEntry{}
	}
	return ix, nil
}

// clone is a copy that may be changed.
func (ix *index) clone() *index {
	other := *ix
	other.Entries = slices.Clone(ix.Entries)
	return &other
}

// refName is an entry's tag or full name; empty: it has none.
func (e indexEntry) refName() string { return e.Annotations[ocispec.AnnotationRefName] }

// shortTag is the tag of an entry that is listed under a full name: 3.20 of docker.io/library/alpine:3.20.
func (e indexEntry) shortTag() string {
	for _, name := range []string{e.refName(), e.Annotations[annotationContainerd]} {
		i := strings.LastIndexByte(name, ':')
		if i > strings.LastIndexByte(name, '/') && reference.TagPattern().MatchString(name[i+1:]) {
			return name[i+1:]
		}
	}
	return ""
}

// named tells whether an entry has a tag or a name.
func (e indexEntry) named() bool {
	return e.refName() != "" || e.Annotations[annotationContainerd] != ""
}

// find gives the entry of a tag: the one that has it as its ref.name (the last, if there are several), else the one
// whose full name it is or ends it.
func (ix *index) find(tag string) (indexEntry, error) {
	for _, matches := range []func(indexEntry) bool{
		func(e indexEntry) bool { return e.refName() == tag },
		func(e indexEntry) bool { return e.Annotations[annotationContainerd] == tag },
		func(e indexEntry) bool { return e.shortTag() == tag },
	} {
		var found []indexEntry
		for _, e := range ix.Entries {
			if matches(e) {
				found = append(found, e)
			}
		}
		if len(found) == 0 {
			continue
		}
		last := found[len(found)-1]
		if i := slices.IndexFunc(found, func(e indexEntry) bool { return e.Digest != last.Digest }); i >= 0 && last.refName() != tag {
			both := fmt.Errorf("the tag is that of %s and of %s", found[i].fullName(), last.fullName())
			return indexEntry{}, &artifact.Error{Op: "resolving", Item: tag, Err: reference.Invalid(both, errdef.ErrInvalidReference),
				Hint: fmt.Sprintf("say which by its digest: @%s or @%s", found[i].Digest, last.Digest)}
		}
		return last, nil
	}
	return indexEntry{}, fmt.Errorf("%q: %w", tag, errdef.ErrNotFound)
}

func (e indexEntry) fullName() string {
	return untrusted.Line(cmp.Or(e.Annotations[annotationContainerd], e.refName()), 300)
}

// tags lists what find finds, sorted.
func (ix *index) tags() []string {
	tags := []string{}
	for _, e := range ix.Entries {
		if name := e.refName(); reference.TagPattern().MatchString(name) {
			tags = append(tags, name)
		} else if short := e.shortTag(); short != "" {
			tags = append(tags, short)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// lists gives the first entry of a manifest.
func (ix *index) lists(d digest.Digest) (indexEntry, bool) {
	i := slices.IndexFunc(ix.Entries, func(e indexEntry) bool { return e.Digest == d })
	if i < 0 {
		return indexEntry{}, false
	}
	return ix.Entries[i], true
}

// add lists a manifest, if it isn't yet, and tells whether it did.
func (ix *index) add(desc ocispec.Descriptor) bool {
	if _, ok := ix.lists(desc.Digest); ok {
		return false
	}
	ix.Entries = append(ix.Entries, indexEntry{Descriptor: desc})
	return true
}

// tag moves a tag to a manifest and tells whether that changed anything. What had the tag stays listed.
func (ix *index) tag(desc ocispec.Descriptor, tag string) bool {
	if e, err := ix.find(tag); err == nil && e.Digest == desc.Digest && e.refName() == tag && ix.count(tag) == 1 {
		return false
	}
	ix.strip(func(e indexEntry) bool { return e.refName() == tag })
	ix.add(desc)
	for i, e := range ix.Entries { // the entry without a tag, if there is one, gets it
		if e.Digest == desc.Digest && !e.named() {
			ix.Entries[i] = e.withName(tag)
			return true
		}
	}
	e, _ := ix.lists(desc.Digest)
	ix.Entries = append(ix.Entries, e.withName(tag))
	return true
}

func (ix *index) count(tag string) (n int) {
	for _, e := range ix.Entries {
		if e.refName() == tag {
			n++
		}
	}
	return n
}

// withName is the entry under another tag; "" for none.
func (e indexEntry) withName(tag string) indexEntry {
	e.raw = nil
	e.Annotations = maps.Clone(e.Annotations)
	if e.Annotations == nil {
		e.Annotations = map[string]string{}
	}
	delete(e.Annotations, annotationContainerd)
	if e.Annotations[ocispec.AnnotationRefName] = tag; tag == "" {
		delete(e.Annotations, ocispec.AnnotationRefName)
	}
	if len(e.Annotations) == 0 {
		e.Annotations = nil
	}
	return e
}

// strip takes the names from entries. One that is left without any stays, unless its manifest is listed elsewhere.
func (ix *index) strip(which func(indexEntry) bool) {
	var kept, bare []indexEntry
	for _, e := range ix.Entries {
		if which(e) {
			bare = append(bare, e.withName(""))
		} else {
			kept = append(kept, e)
		}
	}
	ix.Entries = kept
	for _, e := range bare {
		if _, ok := ix.lists(e.Digest); !ok {
			ix.Entries = append(ix.Entries, e)
		}
	}
}

// untag removes a tag; its manifest stays listed.
func (ix *index) untag(tag string) error {
	found, err := ix.find(tag)
	if err != nil {
		return err
	}
	name := found.refName()
	ix.strip(func(e indexEntry) bool {
		return e.refName() == name && (name == tag || e.Digest == found.Digest && e.shortTag() == found.shortTag())
	})
	return nil
}

// remove takes a manifest out, with all its tags, and tells whether it was in.
func (ix *index) remove(d digest.Digest) bool {
	before := len(ix.Entries)
	ix.Entries = slices.DeleteFunc(ix.Entries, func(e indexEntry) bool { return e.Digest == d })
	return len(ix.Entries) < before
}

// fold takes out the manifests that an index lists and that have no tag of their own: they are reached through it.
func (ix *index) fold(children []ocispec.Descriptor) {
	ix.Entries = slices.DeleteFunc(ix.Entries, func(e indexEntry) bool {
		return !e.named() && slices.ContainsFunc(children, func(d ocispec.Descriptor) bool { return d.Digest == e.Digest })
	})
}

// sort gives the entries an order that does not depend on when they were added.
func (ix *index) sort() {
	slices.SortStableFunc(ix.Entries, func(a, b indexEntry) int {
		switch na, nb := a.refName(), b.refName(); {
		case na != "" && nb != "":
			return cmp.Compare(na, nb)
		case na != "":
			return -1
		case nb != "":
			return 1
		}
		return cmp.Compare(a.Digest, b.Digest)
	})
}

// marshal writes the index, and refuses to write one that would not be read again.
func (ix *index) marshal() ([]byte, error) {
	data, err := json.Marshal(ix)
	if err == nil && len(data) > maxIndex {
		err = fmt.Errorf("%w: index.json would have %d bytes", errdef.ErrSizeExceedsLimit, len(data))
	}
	return data, err
}

// checkLayoutFile refuses a layout of another version.
func checkLayoutFile(path string, data []byte) error {
	var file ocispec.ImageLayout
	err := json.Unmarshal(data, &file)
	if err == nil && file.Version != ocispec.ImageLayoutVersion {
		err = errors.New("its version is not " + ocispec.ImageLayoutVersion)
	}
	if err != nil {
		return artifact.Refused(path, "%s: %w", ocispec.ImageLayoutFile, err)
	}
	return nil
}
