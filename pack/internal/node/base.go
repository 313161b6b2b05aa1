package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/internal/blob"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// DockerLayer is the prefix of the layer media types in Docker's image format. An image whose base has this format has it
// too, because clients refuse a manifest that mixes the two formats.
const DockerLayer = "application/vnd.docker.image.rootfs.diff.tar"

// Base is the manifest that an image builds on, and its target.
type Base struct {
	Source     oras.ReadOnlyTarget
	Descriptor ocispec.Descriptor
}

// A baseImage is the image that another image builds on. Most methods accept nil, for an image without a base.
type baseImage struct {
	src      content.Fetcher
	manifest ocispec.Manifest
	config   map[string]any
}

// loadBase reads the base's manifest and config. For an index, it reads the platform's manifest.
func loadBase(ctx context.Context, base *Base, platform *ocispec.Platform) (*baseImage, error) {
	b := &baseImage{src: base.Source}
	desc, err := BasePlatform(ctx, base, platform)
	if err == nil {
		err = manifest.FetchJSON(ctx, base.Source, desc, &b.manifest)
	}
	if err == nil {
		err = manifest.FetchJSON(ctx, base.Source, b.manifest.Config, &b.config)
	}
	if err != nil {
		return nil, &artifact.Error{Op: "reading base", Item: base.Descriptor.Digest.String(), Err: err}
	}
	if b.manifest.MediaType == "" {
		b.manifest.MediaType = desc.MediaType
	}
	return b, nil
}

// BasePlatform returns the descriptor of the platform's manifest if the base is an index, or else that of the base.
func BasePlatform(ctx context.Context, base *Base, platform *ocispec.Platform) (ocispec.Descriptor, error) {
	desc := base.Descriptor
	if !manifest.IsIndex(desc.MediaType) {
		return desc, nil
	}
	if platform == nil {
		platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"} // the default platform of an image
	}
	var idx ocispec.Index
	if err := manifest.FetchJSON(ctx, base.Source, desc, &idx); err != nil {
		return desc, err
	}
	entry, err := manifest.Select(idx.Manifests, platform)
	if err != nil {
		return desc, fmt.Errorf("no manifest for %s", manifest.FormatPlatform(platform))
	}
	return entry, nil
}

func (b *baseImage) isDocker() bool {
	return b != nil && b.manifest.MediaType == mediatypes.DockerManifest
}

// Layers returns the descriptors of the base's layers, which come first.
func (b *baseImage) Layers() []ocispec.Descriptor {
	if b == nil {
		return nil
	}
	return append([]ocispec.Descriptor(nil), b.manifest.Layers...)
}

// mediaType returns a layer's media type in the base's format.
func (b *baseImage) mediaType(t string) string {
	const oci = ocispec.MediaTypeImageLayer
	if !b.isDocker() || !strings.HasPrefix(t, oci) {
		return t
	}
	return DockerLayer + strings.Replace(strings.TrimPrefix(t, oci), "+", ".", 1)
}

// Blobs returns the layers of the base as blobs.
func (b *baseImage) Blobs() []*blob.Blob {
	if b == nil {
		return nil
	}
	blobs := make([]*blob.Blob, len(b.manifest.Layers))
	for i, desc := range b.manifest.Layers {
		blobs[i] = &blob.Blob{Desc: desc, DiffID: desc.Digest, Name: desc.Digest.String(), Origin: blob.TargetOrigin{From: b.src, Desc: desc}}
	}
	return blobs
}

// merge applies our image config on top of the base's. The base's platform stays, and so do its runtime settings unless our config
// overrides them. The lists of layers and history are appended.
func (b *baseImage) merge(configType string, ours []byte) (string, []byte, error) {
	var add map[string]any
	if err := json.Unmarshal(ours, &add); err != nil {
		return "", nil, fmt.Errorf("a base requires an image config: %w", err)
	}
	all := maps.Clone(b.config)
	for k, v := range add {
		switch k {
		case "architecture", "os", "variant", "os.version", "os.features":
			continue // the base determines the platform
		case "rootfs":
			v = overlayList(all[k], v, "diff_ids")
		case "history":
			v = concat(all[k], v)
		case "config":
			v = overlay(all[k], v)
		}
		all[k] = v
	}
	completeHistory(all)
	if b.isDocker() {
		configType = mediatypes.DockerConfig
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(all); err != nil {
		return "", nil, err
	}
	return configType, bytes.TrimSpace(buf.Bytes()), nil
}

// completeHistory adds the missing entries of a history: clients expect one for each layer. It leaves an empty history empty.
func completeHistory(config map[string]any) {
	history, _ := config["history"].([]any)
	rootfs, _ := config["rootfs"].(map[string]any)
	layers, _ := rootfs["diff_ids"].([]any)
	if len(history) == 0 {
		return
	}
	described := 0
	for _, entry := range history {
		if e, ok := entry.(map[string]any); ok && e["empty_layer"] != true {
			described++
		}
	}
	for ; described < len(layers); described++ {
		history = append(history, map[string]any{"created_by": "davit"})
	}
	config["history"] = history
}

// overlay returns the object base with the fields of over.
func overlay(base, over any) map[string]any {
	all := make(map[string]any)
	if m, ok := base.(map[string]any); ok {
		maps.Copy(all, m)
	}
	if m, ok := over.(map[string]any); ok {
		maps.Copy(all, m)
	}
	return all
}

// overlayList is like overlay, but concatenates the lists in the field name.
func overlayList(base, over any, name string) map[string]any {
	all := overlay(base, over)
	b, _ := base.(map[string]any)
	o, _ := over.(map[string]any)
	all[name] = concat(b[name], o[name])
	return all
}

// concat returns the elements of two lists. A value that is not a list is treated as empty.
func concat(a, b any) []any {
	la, _ := a.([]any)
	lb, _ := b.([]any)
	return append(append([]any(nil), la...), lb...)
}
