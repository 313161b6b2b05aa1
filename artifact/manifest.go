package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxManifest is the most bytes of a manifest, an index or a config: what registries must take at least (distribution
// specification, "Pushing Manifests"), and all that is ever held in memory.
const MaxManifest = 4 << 20

// maxNesting bounds the depth of a manifest. Real ones need six.
const maxNesting = 64

// Media types of manifests besides those of image-spec.
const (
	dockerManifest      = "application/vnd.docker.distribution.manifest.v2+json"
	dockerManifestList  = "application/vnd.docker.distribution.manifest.list.v2+json"
	ociArtifactManifest = "application/vnd.oci.artifact.manifest.v1+json"
)

// IsManifest tells whether a media type is that of a manifest or an index, which registries keep apart from blobs.
func IsManifest(mediaType string) bool {
	switch mediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, dockerManifest, dockerManifestList, ociArtifactManifest:
		return true
	}
	return false
}

// IsNondistributable tells whether a media type is that of a layer that is fetched from elsewhere, by its urls, and that
// stores do not have: the base layers of old Windows images.
func IsNondistributable(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.oci.image.layer.nondistributable.v1.tar") ||
		mediaType == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
}

// CheckManifest refuses a manifest or index that is not what its descriptor says, or that two parsers could read
// differently: wrong size or digest, media types that disagree, keys given twice or in another case, layers beside
// manifests. An empty MediaType or Digest of desc is not compared.
func CheckManifest(desc ocispec.Descriptor, data []byte) error {
	item := desc.Digest.String()
	switch {
	case len(data) > MaxManifest:
		return Refused(item, "the manifest has more than %d bytes", MaxManifest)
	case desc.Size != int64(len(data)):
		return Refused(item, "the manifest has %d bytes, its descriptor says %d", len(data), desc.Size)
	case desc.Digest != "":
		if err := desc.Digest.Validate(); err != nil {
			return Refused(item, "digest of the manifest: %w", err)
		}
		if got := desc.Digest.Algorithm().FromBytes(data); got != desc.Digest {
			return Refused(item, "the manifest has the digest %s", got)
		}
	default:
		item = digest.FromBytes(data).String()
	}
	if err := checkManifestKeys(data); err != nil {
		return Refused(item, "the manifest is ambiguous or no manifest: %w", err)
	}
	if err := checkManifestShape(desc.MediaType, data); err != nil {
		return Refused(item, "%w", err)
	}
	return nil
}

// checkManifestShape compares what the body says with the media type it came under.
func checkManifestShape(mediaType string, data []byte) error {
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
		return fmt.Errorf("the manifest calls itself %q and came as %q", body.MediaType, mediaType)
	case single && body.Manifests != nil:
		return errors.New("the manifest has both layers and manifests")
	}
	if mediaType == "" {
		mediaType = body.MediaType
	}
	switch {
	case mediaType == ociArtifactManifest:
		return nil
	case body.SchemaVersion == nil || *body.SchemaVersion != 2:
		return errors.New("the manifest's schemaVersion is not 2")
	case isIndex(mediaType) && single:
		return fmt.Errorf("an index (%q) with layers or a config", mediaType)
	case IsManifest(mediaType) && !isIndex(mediaType) && body.Manifests != nil:
		return fmt.Errorf("a manifest (%q) with manifests", mediaType)
	}
	return nil
}

func isIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == dockerManifestList
}

// manifestKeys are the keys that the specifications give a meaning, outside of annotations.
var manifestKeys = []string{"schemaVersion", "mediaType", "artifactType", "config", "layers", "fsLayers", "manifests",
	"blobs", "subject", "annotations", "digest", "size", "urls", "data", "platform"}

// checkManifestKeys walks one JSON object and refuses a key that stands twice in an object, be it in another case, and a known
// key in another case: Go's decoder takes them for the same, others do not.
func checkManifestKeys(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if token, err := dec.Token(); err != nil {
		return err
	} else if token != json.Delim('{') {
		return errors.New("it is no JSON object")
	}
	if err := checkManifestObject(dec, false, 1); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// checkManifestObject reads an object whose '{' is behind it. In free objects (annotations) keys are anybody's, and only the
// same key twice is wrong.
func checkManifestObject(dec *json.Decoder, free bool, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("it is nested deeper than %d", maxNesting)
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
				return fmt.Errorf("key %q for %q", key, manifestKeys[i])
			}
		}
		if seen[same] {
			return fmt.Errorf("key %q twice", key)
		}
		seen[same] = true
		if err := checkManifestValue(dec, free || key == "annotations", depth); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func checkManifestValue(dec *json.Decoder, free bool, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return checkManifestObject(dec, free, depth+1)
	case json.Delim('['):
		if depth > maxNesting {
			return fmt.Errorf("it is nested deeper than %d", maxNesting)
		}
		for dec.More() {
			if err := checkManifestValue(dec, free, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	}
	return err
}

// ManifestType is the media type of a manifest by its body: what it says, or what its fields make it.
func ManifestType(data []byte) string {
	var body struct {
		MediaType string          `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
	}
	if json.Unmarshal(data, &body) == nil && body.MediaType != "" {
		return body.MediaType
	}
	if body.Manifests != nil {
		return ocispec.MediaTypeImageIndex
	}
	return ocispec.MediaTypeImageManifest
}
