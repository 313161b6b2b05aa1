// Package entry makes the entries of an index: descriptors of manifests with their types and platforms.
package entry

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
)

// Entry is an entry of an index.
type Entry struct {
	Descriptor  ocispec.Descriptor
	Annotations map[string]string // of the manifest

	own *ocispec.Platform // the platform in the image config; nil if unknown
}

// New returns the entry of a manifest, with its artifactType and a platform: the given one, or else that of desc, or else
// that of the image config.
func New(ctx context.Context, dst oras.Target, desc ocispec.Descriptor, platform *ocispec.Platform) (Entry, error) {
	e := Entry{Descriptor: ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size, Annotations: desc.Annotations}}
	var m ocispec.Manifest
	if err := manifest.FetchJSON(ctx, dst, desc, &m); err != nil {
		return e, err
	}
	e.Descriptor.ArtifactType, e.Annotations = m.ArtifactType, m.Annotations
	isImage := m.Config.MediaType == ocispec.MediaTypeImageConfig || m.Config.MediaType == mediatypes.DockerConfig
	switch {
	case platform != nil:
		e.Descriptor.Platform = platform
		if isImage {
			e.own, _ = readPlatform(ctx, dst, m.Config) // only for a warning
		}
	case desc.Platform != nil:
		e.Descriptor.Platform = desc.Platform
	case isImage:
		var err error
		e.own, err = readPlatform(ctx, dst, m.Config)
		e.Descriptor.Platform = e.own
		return e, err
	}
	return e, nil
}

// readPlatform reads the platform from an image config. It returns nil if the config has no OS or no architecture.
func readPlatform(ctx context.Context, dst oras.Target, config ocispec.Descriptor) (*ocispec.Platform, error) {
	b, err := manifest.Fetch(ctx, dst, config)
	if err != nil {
		return nil, err
	}
	var p ocispec.Platform
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if p.OS == "" || p.Architecture == "" {
		return nil, nil
	}
	return &p, nil
}

// Warnings returns a warning if the entry and the config of its manifest have different platforms.
func (e Entry) Warnings() []string {
	if e.own == nil || e.Descriptor.Platform == nil || e.isOwn() {
		return nil
	}
	return []string{fmt.Sprintf("%s is listed for %s, but its config has %s: clients that compare them refuse or warn; %s",
		e.Descriptor.Digest, manifest.FormatPlatform(e.Descriptor.Platform), manifest.FormatPlatform(e.own), remedy)}
}

// remedy is the advice about an image with the wrong platform.
const remedy = "push it again for its platform, with platforms: in davit.yaml"

// isOwn reports whether the entry has the platform of the image config.
func (e Entry) isOwn() bool {
	own, listed := e.own, e.Descriptor.Platform
	return own != nil && listed != nil && own.OS == listed.OS && own.Architecture == listed.Architecture &&
		(own.Variant == "" || listed.Variant == "" || own.Variant == listed.Variant)
}

// Hint returns how the entry gets another platform: from the argument or, if the argument would contradict the image config, from the image.
func (e Entry) Hint() string {
	if e.isOwn() {
		return fmt.Sprintf("its config has %s: %s", manifest.FormatPlatform(e.own), remedy)
	}
	return "set the platform of each: linux/arm64=MANIFEST"
}
