package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// maxIndex is the maximum size of an index.json in bytes. It exceeds the limit for manifests, because a layout with
// many tags has a large index that no registry has to accept: some 50,000 entries.
const maxIndex = 16 << 20

// indexLimits bound what an index.json of maxIndex makes a decoder allocate: entries with annotations and a platform.
var indexLimits = jsonwalk.Limits{Objects: 200_000, Values: 1_000_000}

// AnnotationContainerd is where containerd and docker save keep the full name of an image; its ref.name is then the
// tag.
const AnnotationContainerd = "io.containerd.image.name"

// Index is an index.json: the manifests that a layout lists, each once per tag or once without a tag.
type Index struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType,omitempty"`
	ArtifactType  string          `json:"artifactType,omitempty"`
	Entries       []IndexEntry    `json:"manifests"`
	Subject       json.RawMessage `json:"subject,omitempty"`
	Annotations   json.RawMessage `json:"annotations,omitempty"`
}

// IndexEntry is a descriptor that is written as it was read, unless it was changed: other tools may have added fields
// that davit does not know.
type IndexEntry struct {
	ocispec.Descriptor
	raw json.RawMessage // nil: Descriptor was changed
}

// UnmarshalJSON keeps the original bytes.
func (e *IndexEntry) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &e.Descriptor); err != nil {
		return err
	}
	if e.Digest == "" { // without this check, "{}" would take 3 bytes in the file and 200 in memory
		return errors.New("an entry without a digest")
	}
	e.raw = bytes.Clone(data)
	return nil
}

// MarshalJSON returns the original bytes, or the changed descriptor.
func (e IndexEntry) MarshalJSON() ([]byte, error) {
	if e.raw != nil {
		return e.raw, nil
	}
	return json.Marshal(e.Descriptor)
}

// NewIndex returns the index of an empty layout.
func NewIndex() *Index {
	return &Index{SchemaVersion: 2, MediaType: ocispec.MediaTypeImageIndex, Entries: []IndexEntry{}}
}

func parseIndex(data []byte) (*Index, error) {
	if err := indexLimits.Check(data); err != nil {
		return nil, err
	}
	ix := NewIndex()
	ix.MediaType = "" // written only if it was read
	if err := json.Unmarshal(data, ix); err != nil {
		return nil, err
	}
	if ix.SchemaVersion != 2 {
		return nil, fmt.Errorf("schemaVersion %d", ix.SchemaVersion)
	}
	if ix.Entries == nil {
		ix.Entries = []IndexEntry{}
	}
	return ix, nil
}

// Clone returns a copy that may be changed.
func (ix *Index) Clone() *Index {
	other := *ix
	other.Entries = slices.Clone(ix.Entries)
	return &other
}

// RefName returns an entry's tag or full name; empty: it has no name.
func (e IndexEntry) RefName() string { return e.Annotations[ocispec.AnnotationRefName] }

// shortTag returns the tag of an entry that is listed under a full name: 3.20 for docker.io/library/alpine:3.20.
func (e IndexEntry) shortTag() string {
	for _, name := range []string{e.RefName(), e.Annotations[AnnotationContainerd]} {
		i := strings.LastIndexByte(name, ':')
		if i > strings.LastIndexByte(name, '/') && reference.TagPattern().MatchString(name[i+1:]) {
			return name[i+1:]
		}
	}
	return ""
}

// shortName returns the full name of an entry without its host: library/alpine:3.20 for docker.io/library/alpine:3.20.
func (e IndexEntry) shortName() string {
	for _, name := range e.fullNames() {
		if host, repository, tag := reference.SplitName(name); host != "" {
			return repository + ":" + tag
		}
	}
	return ""
}

// named reports whether an entry has a tag or a name.
func (e IndexEntry) named() bool {
	return e.RefName() != "" || e.Annotations[AnnotationContainerd] != ""
}

// Find returns the entry of a tag or full name: the one with the tag alone (the last, if there are several), else the one whose
// full name equals it, or ends in it: in the repository without its host, or in the tag.
func (ix *Index) Find(tag string) (IndexEntry, error) {
	for _, matches := range []func(IndexEntry) bool{
		func(e IndexEntry) bool { return e.RefName() == tag && (len(e.fullNames()) == 0 || e.isOf(tag)) },
		func(e IndexEntry) bool { return e.Annotations[AnnotationContainerd] == tag },
		func(e IndexEntry) bool { return e.shortName() == tag },
		func(e IndexEntry) bool { return e.RefName() == tag || e.shortTag() == tag },
	} {
		var found []IndexEntry
		for _, e := range ix.Entries {
			if matches(e) {
				found = append(found, e)
			}
		}
		if len(found) == 0 {
			continue
		}
		last := found[len(found)-1]
		if i := slices.IndexFunc(found, func(e IndexEntry) bool { return e.Digest != last.Digest }); i >= 0 && (last.RefName() != tag || len(last.fullNames()) > 0) {
			both := fmt.Errorf("the tag is that of %s and of %s", found[i].fullName(), last.fullName())
			return IndexEntry{}, &artifact.Error{Op: "resolving", Item: tag, Err: reference.Invalid(both, errdef.ErrInvalidReference),
				Hint: fmt.Sprintf("say which by its full name, or by its digest: @%s or @%s", found[i].Digest, last.Digest)}
		}
		return last, nil
	}
	return IndexEntry{}, fmt.Errorf("%q: %w", tag, errdef.ErrNotFound)
}

func (e IndexEntry) fullName() string {
	return untrusted.Line(cmp.Or(e.Annotations[AnnotationContainerd], e.RefName()), 300)
}

// tags lists the tags that Find finds, sorted.
func (ix *Index) tags() []string {
	tags := []string{}
	for _, e := range ix.Entries {
		if name := e.RefName(); reference.TagPattern().MatchString(name) {
			tags = append(tags, name)
		} else if short := e.shortTag(); short != "" {
			tags = append(tags, short)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// Lists returns the first entry of a manifest.
func (ix *Index) Lists(d digest.Digest) (IndexEntry, bool) {
	i := slices.IndexFunc(ix.Entries, func(e IndexEntry) bool { return e.Digest == d })
	if i < 0 {
		return IndexEntry{}, false
	}
	return ix.Entries[i], true
}

// Add lists a manifest if it is not listed yet, and reports whether it did.
func (ix *Index) Add(desc ocispec.Descriptor) bool {
	if _, ok := ix.Lists(desc.Digest); ok {
		return false
	}
	ix.Entries = append(ix.Entries, IndexEntry{Descriptor: desc})
	return true
}

// tag moves a tag to a manifest and reports whether that changed anything. The manifest that had the tag stays listed.
func (ix *Index) tag(desc ocispec.Descriptor, tag string) bool {
	if e, err := ix.Find(tag); err == nil && e.Digest == desc.Digest && e.RefName() == tag && ix.count(tag) == 1 {
		return false
	}
	ix.yield(tag)
	if ix.count(tag) > 0 {
		ix.strip(func(e IndexEntry) bool { return e.RefName() == tag })
	}
	ix.Add(desc)
	for i, e := range ix.Entries { // the entry without a tag, if any, gets it
		if e.Digest == desc.Digest && !e.named() {
			ix.Entries[i] = e.WithName(tag)
			return true
		}
	}
	e, _ := ix.Lists(desc.Digest)
	ix.Entries = append(ix.Entries, e.WithName(tag))
	return true
}

func (ix *Index) count(tag string) (n int) {
	for _, e := range ix.Entries {
		if e.RefName() == tag {
			n++
		}
	}
	return n
}

// WithName returns the entry under another tag; "" removes the name.
func (e IndexEntry) WithName(tag string) IndexEntry {
	e.raw = nil
	e.Annotations = maps.Clone(e.Annotations)
	if e.Annotations == nil {
		e.Annotations = map[string]string{}
	}
	delete(e.Annotations, AnnotationContainerd)
	if e.Annotations[ocispec.AnnotationRefName] = tag; tag == "" {
		delete(e.Annotations, ocispec.AnnotationRefName)
	}
	if len(e.Annotations) == 0 {
		e.Annotations = nil
	}
	return e
}

// strip removes the names from entries. An entry left without a name stays, unless its manifest is listed elsewhere.
func (ix *Index) strip(which func(IndexEntry) bool) {
	var kept, bare []IndexEntry
	for _, e := range ix.Entries {
		if which(e) {
			bare = append(bare, e.WithName(""))
		} else {
			kept = append(kept, e)
		}
	}
	ix.Entries = kept
	for _, e := range bare {
		if _, ok := ix.Lists(e.Digest); !ok {
			ix.Entries = append(ix.Entries, e)
		}
	}
}

// untag removes a tag; its manifest stays listed.
func (ix *Index) untag(tag string) error {
	found, err := ix.Find(tag)
	if err != nil {
		return err
	}
	name := found.RefName()
	ix.strip(func(e IndexEntry) bool {
		return e.RefName() == name && (name == tag || e.Digest == found.Digest && e.shortTag() == found.shortTag())
	})
	return nil
}

// remove removes a manifest with all its tags, and reports whether it was listed.
func (ix *Index) remove(d digest.Digest) bool {
	before := len(ix.Entries)
	ix.Entries = slices.DeleteFunc(ix.Entries, func(e IndexEntry) bool { return e.Digest == d })
	return len(ix.Entries) < before
}

// fold removes the manifests that an index lists and that have no tag of their own: they are reached through the index.
func (ix *Index) fold(children []ocispec.Descriptor) {
	ix.Entries = slices.DeleteFunc(ix.Entries, func(e IndexEntry) bool {
		return !e.named() && slices.ContainsFunc(children, func(d ocispec.Descriptor) bool { return d.Digest == e.Digest })
	})
}

// Sort orders the entries independently of when they were added.
func (ix *Index) Sort() {
	slices.SortStableFunc(ix.Entries, func(a, b IndexEntry) int {
		switch na, nb := a.RefName(), b.RefName(); {
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

// Marshal returns the index as JSON, and refuses an index that is too large to be read again.
func (ix *Index) Marshal() ([]byte, error) {
	data, err := json.Marshal(ix)
	if err == nil && len(data) > maxIndex {
		err = fmt.Errorf("%w: index.json would have %d bytes", errdef.ErrSizeExceedsLimit, len(data))
	}
	return data, err
}

// CheckLayoutFile refuses a layout of another version.
func CheckLayoutFile(path string, data []byte) error {
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

// OpenError returns the error for a file or directory that can't be opened as a layout or archive.
func OpenError(name string, err error, hint string) error {
	return &artifact.Error{Op: "opening", Item: name, Err: reference.Invalid(err, errdef.ErrInvalidReference), Hint: hint}
}

// ErrNoLayout reports a directory that contains something other than a layout.
var ErrNoLayout = errors.New("it is no OCI image layout: it has no " + ocispec.ImageIndexFile)
