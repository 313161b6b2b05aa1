package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// annotationContainerd is the annotation in which containerd and docker save store the full name of an image. The ref name is then
// the tag.
const annotationContainerd = "io.containerd.image.name"

// Entry is a descriptor in an index, with its names. Unless it is edited, it keeps unknown fields, which other tools may have added.
type Entry struct {
	Digest    digest.Digest
	MediaType string
	Size      int64

	refName    string // a tag or full name; may be empty
	containerd string // a full name; may be empty
	text       string // the entry as JSON; the other strings share its memory
}

// Descriptor returns the media type, digest, and size of an entry.
func (e Entry) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: e.MediaType, Digest: e.Digest, Size: e.Size}
}

// decode parses an entry.
func decode(text string) (Entry, error) {
	var d ocispec.Descriptor
	if len(text) > manifest.MaxSize {
		return Entry{}, fmt.Errorf("entry too large: %d bytes, limit is %d MiB", len(text), manifest.MaxSize>>20)
	}
	data := []byte(text)
	if err := manifest.Limits.Check(data); err != nil {
		return Entry{}, fmt.Errorf("an entry has %w", err)
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return Entry{}, err
	}
	if d.Digest == "" { // bounds memory: "{}," takes 3 bytes in the file, but 100 in memory
		return Entry{}, errors.New("an entry has no digest")
	}
	if strings.ContainsAny(text, " \t\r\n<>&\u2028\u2029") { // characters that package json escapes
		data, err := json.Marshal(json.RawMessage(data))
		if err != nil {
			return Entry{}, err
		}
		text = string(data)
	}
	return newEntry(d, text), nil
}

// encode returns the entry of a descriptor.
func encode(d ocispec.Descriptor) Entry {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // impossible: only strings and numbers
	}
	return newEntry(d, string(text))
}

// newEntry returns an entry with the fields of a descriptor. To save memory, the strings are parts of the text if it contains them.
func newEntry(d ocispec.Descriptor, text string) Entry {
	within := func(value string) string {
		if i := strings.Index(text, value); i >= 0 {
			return text[i : i+len(value)]
		}
		return value // written with escapes
	}
	return Entry{
		Digest: digest.Digest(within(string(d.Digest))), MediaType: within(d.MediaType), Size: d.Size, text: text,
		refName: within(d.Annotations[ocispec.AnnotationRefName]), containerd: within(d.Annotations[annotationContainerd]),
	}
}

// withNames returns the entry with other names. An empty name removes the annotation.
func (e Entry) withNames(refName, containerd string) Entry {
	var d ocispec.Descriptor
	_ = json.Unmarshal([]byte(e.text), &d) // decode has parsed it before
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	for key, name := range map[string]string{ocispec.AnnotationRefName: refName, annotationContainerd: containerd} {
		if d.Annotations[key] = name; name == "" {
			delete(d.Annotations, key)
		}
	}
	return encode(d) // omits empty annotations
}

// Tag returns the ref name of an entry if it is a bare tag, or "".
func (e Entry) Tag() string {
	if reference.TagPattern().MatchString(e.refName) {
		return e.refName
	}
	return ""
}

// shortTag returns the tag in a full name of an entry, such as 3.20 for docker.io/library/alpine:3.20, or "" otherwise.
func (e Entry) shortTag() string {
	for _, name := range []string{e.refName, e.containerd} {
		i := strings.LastIndexByte(name, ':')
		if i > strings.LastIndexByte(name, '/') && reference.TagPattern().MatchString(name[i+1:]) {
			return name[i+1:]
		}
	}
	return ""
}

// shortName returns a full name of an entry without its host, such as library/alpine:3.20 for docker.io/library/alpine:3.20, or ""
// otherwise.
func (e Entry) shortName() string {
	for _, name := range e.FullNames() {
		if host, repository, tag := reference.SplitName(name); host != "" {
			return repository + ":" + tag
		}
	}
	return ""
}

// Mentions reports whether a text is in one of the names of an entry.
func (e Entry) Mentions(text string) bool {
	return strings.Contains(e.refName, text) || strings.Contains(e.containerd, text)
}

// IsNamed reports whether an entry has a tag or a name.
func (e Entry) IsNamed() bool { return e.refName != "" || e.containerd != "" }

// FullNames returns the names of an entry that have a repository in them.
func (e Entry) FullNames() []string {
	var names []string
	for _, name := range []string{e.containerd, e.refName} {
		if _, repository, _ := reference.SplitName(name); repository != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// hasFullName reports whether name is one of the full names of an entry.
func (e Entry) hasFullName(name string) bool { return slices.Contains(e.FullNames(), name) }

// hasOtherName reports whether an entry has full names, but not name.
func (e Entry) hasOtherName(name string) bool { return len(e.FullNames()) > 0 && !e.hasFullName(name) }

// keys returns the names under which an entry can be found: the full name, the name without its host, and the tag.
func (e Entry) keys() []string {
	keys := make([]string, 0, 6)
	add := func(key string) {
		if key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	add(e.refName)
	add(e.containerd)
	for _, name := range e.FullNames() {
		_, repository, tag := reference.SplitName(name)
		add(repository + ":" + tag)
		add(tag)
	}
	add(e.shortTag())
	return keys
}

// hasName reports whether a name is one of the keys. It is a fast test that rarely has to build the keys.
func (e Entry) hasName(name string) bool {
	if name == e.refName || name == e.containerd {
		return name != ""
	}
	if e.containerd == "" && len(e.refName) <= 128 && !strings.ContainsAny(e.refName, "/:@") {
		return false // refName is a bare tag
	}
	tag := name[strings.LastIndexByte(name, ':')+1:]
	return (tag == "latest" || strings.Contains(e.refName, tag) || strings.Contains(e.containerd, tag)) && slices.Contains(e.keys(), name)
}
