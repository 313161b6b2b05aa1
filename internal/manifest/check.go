package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxSize is the maximum size of a manifest, an index, or a config, which are held in memory: 4 MiB, the size of manifests that
// registries should accept (distribution specification, "Pushing Manifests").
const MaxSize = 4 << 20

// Limits bound the memory that decoding a manifest, an index, or a config takes. Real descriptors are at least 100 bytes long, so
// MaxSize has room for some 30,000 descriptors with as many objects of annotations.
var Limits = jsonwalk.Limits{Objects: 60_000, Values: 300_000}

// maxDepth limits the nesting of the JSON of a manifest. Real manifests need six levels.
const maxDepth = 64

// Check fails with spec.ErrRefused if a manifest or index does not match its descriptor, or if two parsers could read it differently:
// if the size, digest, or media type differs, if keys are duplicate or differ in case from those of the specification, or if it
// has both layers and manifests. An empty MediaType or Digest of desc is not compared.
func Check(desc ocispec.Descriptor, data []byte) error {
	item := desc.Digest.String()
	switch {
	case len(data) > MaxSize:
		return spec.Refused(item, "manifest too large: limit is %d MiB", MaxSize>>20)
	case desc.Size != int64(len(data)):
		return spec.Refused(item, "size mismatch: want %d bytes, got %d", desc.Size, len(data))
	case desc.Digest != "":
		if err := untrusted.CheckDigest(desc.Digest); err != nil {
			return spec.Refused(item, "digest of the manifest: %w", err)
		}
		if got := desc.Digest.Algorithm().FromBytes(data); got != desc.Digest {
			return spec.Refused(item, "digest mismatch: want %s, got %s", desc.Digest, got)
		}
	default:
		item = digest.FromBytes(data).String()
	}
	if err := Limits.Check(data); err != nil {
		return spec.Refused(item, "the manifest has %w", err)
	}
	if err := checkKeys(data); err != nil {
		return spec.Refused(item, "ambiguous or invalid manifest: %w", err)
	}
	if err := checkShape(desc.MediaType, data); err != nil {
		return spec.Refused(item, "%w", err)
	}
	return nil
}

// checkShape checks that the fields of a manifest fit the media type in its descriptor, or its own if mediaType is empty.
func checkShape(mediaType string, data []byte) error {
	var body struct {
		SchemaVersion *int            `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Config        json.RawMessage `json:"config"`
		Layers        json.RawMessage `json:"layers"`
		FSLayers      json.RawMessage `json:"fsLayers"`
		Manifests     json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return fmt.Errorf("the manifest can't be read: %w", err)
	}
	single := body.Layers != nil || body.Config != nil || body.FSLayers != nil
	switch {
	case body.MediaType != "" && mediaType != "" && body.MediaType != mediaType:
		return fmt.Errorf("media type mismatch: want %q, the manifest has %q", mediaType, body.MediaType)
	case single && body.Manifests != nil:
		return errors.New("the manifest has both layers and manifests")
	}
	if mediaType == "" {
		mediaType = body.MediaType
	}
	switch {
	case mediaType == MediaTypeArtifact:
		return nil
	case body.SchemaVersion != nil && *body.SchemaVersion == 1:
		return errors.New("schemaVersion 1 is Docker's format before 2016: push the image again with a current client")
	case body.SchemaVersion == nil || *body.SchemaVersion != 2:
		return errors.New("the manifest's schemaVersion is not 2")
	case IsIndex(mediaType) && single:
		return fmt.Errorf("an index (%q) has layers or a config", mediaType)
	case Is(mediaType) && !IsIndex(mediaType) && body.Manifests != nil:
		return fmt.Errorf("a manifest (%q) lists manifests", mediaType)
	}
	return nil
}

// manifestKeys are the keys that the specifications define, outside of annotations.
var manifestKeys = []string{"schemaVersion", "mediaType", "artifactType", "config", "layers", "fsLayers", "manifests",
	"blobs", "subject", "annotations", "digest", "size", "urls", "data", "platform"}

// checkKeys fails if an object has a duplicate key, ignoring case, or a known key in another case. Go's decoder ignores case, but
// other decoders do not. data must be a single JSON object.
func checkKeys(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if token, err := dec.Token(); err != nil {
		return err
	} else if token != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	if err := checkObject(dec, false, 1); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data after the JSON object")
	}
	return nil
}

// checkObject checks an object, whose '{' has been read. A free object (annotations) may have any keys, except exact duplicates.
func checkObject(dec *json.Decoder, free bool, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		same := key
		if !free {
			same = strings.ToLower(key)
			if i := slices.IndexFunc(manifestKeys, func(k string) bool { return strings.EqualFold(k, key) }); i >= 0 && manifestKeys[i] != key {
				return fmt.Errorf("key %q differs from %q in case", key, manifestKeys[i])
			}
		}
		if seen[same] {
			return fmt.Errorf("duplicate key %q", key)
		}
		seen[same] = true
		if err := checkValue(dec, free || key == "annotations", depth); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// checkValue checks the next value and the objects in it.
func checkValue(dec *json.Decoder, free bool, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return checkObject(dec, free, depth+1)
	case json.Delim('['):
		if depth > maxDepth {
			return fmt.Errorf("nested deeper than %d", maxDepth)
		}
		for dec.More() {
			if err := checkValue(dec, free, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	}
	return err
}
