package catalog

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxCached limits the manifests, descriptors, and digests that a Catalog caches. 10,000 manifests have some 40,000 descriptors.
const maxCached = 100_000

// Links holds the descriptors in a manifest, reduced to the fields that are needed to find a blob.
type Links struct {
	mediaType    string // of the manifest, declared or inferred from its fields; "" if it is not a manifest
	artifactType string
	subject      *ocispec.Descriptor // nil if absent
	Children     []ocispec.Descriptor
	Blobs        []ocispec.Descriptor
	// mentioned are the digests in unknown fields and in documents of unknown types. Their blobs may be needed.
	mentioned []digest.Digest
}

// LinksOf reads a manifest, unless it is cached, and returns its links.
func LinksOf(c *Catalog, desc ocispec.Descriptor) (*Links, error) {
	c.mu.Lock()
	l := c.links[desc.Digest]
	c.mu.Unlock()
	if l != nil {
		return l, nil
	}
	data, err := ManifestData(c, desc)
	if err != nil {
		return nil, err
	}
	if l, err = ParseLinks(data); err != nil {
		return nil, artifact.Refused(BlobLabel(c, desc.Digest), "%w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if size := 1 + len(l.Children) + len(l.Blobs) + len(l.mentioned); c.cached+size <= maxCached {
		c.links[desc.Digest] = l
		c.cached += size
	}
	return l, nil
}

// ParseLinks parses a manifest of any type. Content that can't be parsed as a manifest has no links, but may mention digests.
// ParseLinks fails if the content exceeds manifest.Limits.
func ParseLinks(data []byte) (*Links, error) {
	if err := manifest.Limits.Check(data); err != nil {
		return nil, err
	}
	var m struct {
		SchemaVersion int                  `json:"schemaVersion"`
		ArtifactType  string               `json:"artifactType"`
		Config        *ocispec.Descriptor  `json:"config"`
		Layers        []ocispec.Descriptor `json:"layers"`
		Blobs         []ocispec.Descriptor `json:"blobs"`
		Manifests     []ocispec.Descriptor `json:"manifests"`
		Subject       *ocispec.Descriptor  `json:"subject"`
		Annotations   map[string]string    `json:"annotations"`
	}
	if json.Unmarshal(data, &m) != nil {
		return &Links{mentioned: findDigests(data)}, nil
	}
	l := &Links{artifactType: m.ArtifactType, Children: m.Manifests, Blobs: append(m.Layers, m.Blobs...)}
	if m.Config != nil {
		l.Blobs = append(l.Blobs, *m.Config)
	}
	if l.subject = m.Subject; l.subject != nil {
		l.subject.Annotations = nil
	}
	if t := manifest.TypeOf(data); manifest.Is(t) && (m.SchemaVersion == 2 || m.Blobs != nil) {
		l.mediaType = t
	}
	l.mentioned = l.unknownDigests(findDigests(data), m.Annotations)
	for _, list := range [][]ocispec.Descriptor{l.Children, l.Blobs} {
		for i := range list {
			list[i] = ocispec.Descriptor{MediaType: list[i].MediaType, Digest: list[i].Digest, Size: list[i].Size, URLs: list[i].URLs}
		}
	}
	return l, nil
}

// unknownDigests returns the digests in all that are neither in a descriptor nor in an annotation.
func (l *Links) unknownDigests(all []digest.Digest, annotations map[string]string) []digest.Digest {
	descriptors := slices.Concat(l.Children, l.Blobs)
	if l.subject != nil {
		descriptors = append(descriptors, *l.subject)
	}
	if len(all) == len(descriptors) {
		return nil // every digest is in exactly one descriptor
	}
	known := map[digest.Digest]bool{}
	addKnown := func(annotations map[string]string) {
		for key, value := range annotations {
			for _, d := range slices.Concat(findDigests([]byte(key)), findDigests([]byte(value))) {
				known[d] = true
			}
		}
	}
	addKnown(annotations)
	for _, desc := range descriptors {
		known[desc.Digest] = true
		addKnown(desc.Annotations)
	}
	return lists.Delete(all, func(d digest.Digest) bool { return known[d] })
}

// findDigests returns all digests in the text of a document.
func findDigests(data []byte) []digest.Digest {
	var found []digest.Digest
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA384, digest.SHA512} {
		prefix, length := []byte(algorithm+":"), algorithm.Size()*2
		for rest := data; ; {
			i := bytes.Index(rest, prefix)
			if i < 0 {
				break
			}
			rest = rest[i+len(prefix):]
			if len(rest) < length || strings.Trim(string(rest[:length]), "0123456789abcdef") != "" {
				continue
			}
			found = append(found, digest.NewDigestFromEncoded(algorithm, string(rest[:length])))
		}
	}
	return found
}
