// Package configblob makes the bytes of config blobs, from values that are declared or read from files, and from the digests of
// layers.
package configblob

import (
	"bytes"
	"encoding/json"
	"maps"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/opencontainers/go-digest"
)

// Finish is the type of Plan.Finish: it makes a config from the packed layers.
type Finish = func(layers []spec.Packed) (spec.Finished, error)

// Merge returns below with the fields of above merged over it, recursively.
func Merge(below, above map[string]any) map[string]any {
	merged := maps.Clone(below)
	if merged == nil {
		merged = make(map[string]any, len(above))
	}
	for key, value := range above {
		inner, isObject := value.(map[string]any)
		under, wasObject := merged[key].(map[string]any)
		if isObject && wasObject {
			value = Merge(under, inner)
		}
		merged[key] = value
	}
	return merged
}

// Constant returns the Finish of a config that does not depend on the packed layers.
func Constant(config any) (Finish, error) {
	encoded, err := Encode(config)
	if err != nil {
		return nil, err
	}
	return func([]spec.Packed) (spec.Finished, error) { return spec.Finished{Config: encoded}, nil }, nil
}

// Encode encodes JSON for configs: map keys sorted, HTML not escaped, no newline at the end.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// BlobDigests returns the digests of the blobs of layers.
func BlobDigests(layers []spec.Packed) []digest.Digest {
	digests := make([]digest.Digest, len(layers))
	for i, l := range layers {
		digests[i] = l.Descriptor.Digest
	}
	return digests
}

// DiffIDs returns the digests of the layers before compression.
func DiffIDs(layers []spec.Packed) []digest.Digest {
	ids := make([]digest.Digest, len(layers))
	for i, l := range layers {
		ids[i] = l.DiffID
	}
	return ids
}
