package catalog

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxCached limits the descriptors that a Catalog remembers. 10,000 manifests have some 40,000.
const maxCached = 100_000

// Links are the descriptors that a manifest refers to, with only the fields that locating a blob needs.
type Links struct {
	mediaType    string // declared, or inferred from the fields; "": not a manifest
	artifactType string
	subject      *ocispec.Descriptor // nil: none
	Children     []ocispec.Descriptor
	Blobs        []ocispec.Descriptor
	// mentioned are the digests in fields that davit does not know, and in documents of types that it does not know.
	mentioned []digest.Digest
}

// LinksOf returns the descriptors that a manifest names.
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

// ParseLinks reads a manifest of any type. Content that is not a manifest has no links, but may mention digests. More values
// than manifest.Limits allows are an error.
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
		return &Links{mentioned: mentions(data)}, nil
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
	l.mentioned = l.unknown(mentions(data), m.Annotations)
	for _, list := range [][]ocispec.Descriptor{l.Children, l.Blobs} {
		for i := range list {
			list[i] = ocispec.Descriptor{MediaType: list[i].MediaType, Digest: list[i].Digest, Size: list[i].Size, URLs: list[i].URLs}
		}
	}
	return l, nil
}

// unknown returns the digests that are neither in a descriptor nor in an annotation.
func (l *Links) unknown(all []digest.Digest, annotations map[string]string) []digest.Digest {
	descriptors := slices.Concat(l.Children, l.Blobs)
	if l.subject != nil {
		descriptors = append(descriptors, *l.subject)
	}
	if len(all) == len(descriptors) {
		return nil // every digest is in exactly one descriptor
	}
	known := map[digest.Digest]bool{}
	note := func(annotations map[string]string) {
		for key, value := range annotations {
			for _, d := range slices.Concat(mentions([]byte(key)), mentions([]byte(value))) {
				known[d] = true
			}
		}
	}
	note(annotations)
	for _, desc := range descriptors {
		known[desc.Digest] = true
		note(desc.Annotations)
	}
	return slices.DeleteFunc(all, func(d digest.Digest) bool { return known[d] })
}

// mentions returns all digests that a document contains as text.
func mentions(data []byte) []digest.Digest {
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
