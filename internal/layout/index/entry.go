package index

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// annotationContainerd is where containerd and docker save keep the full name of an image; its ref.name is then the
// tag.
const annotationContainerd = "io.containerd.image.name"

// Entry is a descriptor with the names that it has in an index. It is written unchanged unless it was edited, because other
// tools may have added unknown fields.
type Entry struct {
	Digest    digest.Digest
	MediaType string
	Size      int64

	refName    string // a tag or full name; empty: it has none
	containerd string // a full name
	text       string // JSON. The other strings are parts of it
}

// Descriptor returns an entry without the fields that depend on where it is listed.
func (e Entry) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: e.MediaType, Digest: e.Digest, Size: e.Size}
}

// decode reads an entry. It keeps only the fields of Entry and the text.
func decode(text string) (Entry, error) {
	var d ocispec.Descriptor
	if len(text) > manifest.MaxSize {
		return Entry{}, fmt.Errorf("entry too large: %d bytes, limit is %d", len(text), manifest.MaxSize)
	}
	data := []byte(text)
	if err := manifest.Limits.Check(data); err != nil {
		return Entry{}, fmt.Errorf("an entry has %w", err)
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return Entry{}, err
	}
	if d.Digest == "" { // without this check, "{}" would take 3 bytes in the file and 100 in memory
		return Entry{}, errors.New("an entry without a digest")
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
		panic(err) // strings and numbers
	}
	return newEntry(d, string(text))
}

// newEntry keeps the fields that searches need, as parts of the text, which must be in memory anyway.
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

// renamed returns the entry under other names; empty ones are removed.
func (e Entry) renamed(refName, containerd string) Entry {
	var d ocispec.Descriptor
	_ = json.Unmarshal([]byte(e.text), &d) // it was read before
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	for key, name := range map[string]string{ocispec.AnnotationRefName: refName, annotationContainerd: containerd} {
		if d.Annotations[key] = name; name == "" {
			delete(d.Annotations, key)
		}
	}
	return encode(d) // which leaves out an empty map
}

// shortTag returns the tag of an entry that is listed under a full name: 3.20 for docker.io/library/alpine:3.20.
func (e Entry) shortTag() string {
	for _, name := range []string{e.refName, e.containerd} {
		i := strings.LastIndexByte(name, ':')
		if i > strings.LastIndexByte(name, '/') && reference.TagPattern().MatchString(name[i+1:]) {
			return name[i+1:]
		}
	}
	return ""
}

// shortName returns the full name of an entry without its host: library/alpine:3.20 for docker.io/library/alpine:3.20.
func (e Entry) shortName() string {
	for _, name := range e.fullNames() {
		if host, repository, tag := reference.SplitName(name); host != "" {
			return repository + ":" + tag
		}
	}
	return ""
}

// isNamed reports whether an entry has a tag or a name.
func (e Entry) isNamed() bool { return e.refName != "" || e.containerd != "" }

// fullNames returns the names of an entry that have a repository in them.
func (e Entry) fullNames() []string {
	var names []string
	for _, name := range []string{e.containerd, e.refName} {
		if _, repository, _ := reference.SplitName(name); repository != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// isOf reports whether an entry belongs to a full name, and isOfOther whether it belongs only to other names.
func (e Entry) isOf(name string) bool { return slices.Contains(e.fullNames(), name) }

func (e Entry) isOfOther(name string) bool { return len(e.fullNames()) > 0 && !e.isOf(name) }

// printed returns the name of an entry, escaped for messages.
func (e Entry) printed() string { return untrusted.Line(cmp.Or(e.containerd, e.refName), 300) }

// keys returns the names that an entry can be found under: as written, without the host, and only the tag.
func (e Entry) keys() []string {
	keys := make([]string, 0, 6)
	add := func(key string) {
		if key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	add(e.refName)
	add(e.containerd)
	for _, name := range e.fullNames() {
		_, repository, tag := reference.SplitName(name)
		add(repository + ":" + tag)
		add(tag)
	}
	add(e.shortTag())
	return keys
}

// hasName reports whether a name is one of the keys. Most entries are excluded without building their keys.
func (e Entry) hasName(name string) bool {
	if name == e.refName || name == e.containerd {
		return name != ""
	}
	if e.containerd == "" && len(e.refName) <= 128 && !strings.ContainsAny(e.refName, "/:@") {
		return false // a tag
	}
	tag := name[strings.LastIndexByte(name, ':')+1:]
	return (tag == "latest" || strings.Contains(e.refName, tag) || strings.Contains(e.containerd, tag)) && slices.Contains(e.keys(), name)
}
