package diff

import (
	"context"
	"strconv"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// isPlatforms reports whether a manifest is an index of platforms, rather than a collection.
func isPlatforms(m *fetch.Manifest) bool {
	return m.IsIndex() && m.Kind().Shape != mediatypes.Collection
}

// choosePlatform chooses the platform of two indexes if the caller chose none: that of this machine or, if both have the same manifest
// for it, or one has none, the first for which their manifests differ. If none differ, it chooses any that both have.
func (p *pair) choosePlatform() {
	mine, fromErr := fetch.EntryFor(p.from, nil)
	other, toErr := fetch.EntryFor(p.to, nil)
	both := fromErr == nil && toErr == nil
	if both && mine.Digest != other.Digest {
		return
	}
	others := firstEntries(p.to)
	for _, entry := range manifest.Runnable(p.from.Manifests) {
		other, ok := others[manifest.FormatPlatform(entry.Platform)]
		differs := other.Digest != entry.Digest
		if ok && (differs || !both && p.a.Platform == nil) {
			p.a.Platform, p.b.Platform = entry.Platform, other.Platform
		}
		if ok && differs {
			return
		}
	}
}

// firstEntries returns the first entry of an index for each platform. An index of 4 MiB has up to 20,000 platforms.
func firstEntries(m *fetch.Manifest) map[string]ocispec.Descriptor {
	first := make(map[string]ocispec.Descriptor)
	for _, entry := range manifest.Runnable(m.Manifests) {
		name := manifest.FormatPlatform(entry.Platform)
		if _, ok := first[name]; !ok && entry.Platform != nil {
			first[name] = entry
		}
	}
	return first
}

// compareIndexes compares two indexes that have the same manifests for the platforms that both have.
func (d *Difference) compareIndexes(from, to *fetch.Manifest) {
	d.From, d.To, d.Platform = from.Desc.Digest, to.Desc.Digest, nil
	d.Annotations = diffFields(anyMap(from.Annotations), anyMap(to.Annotations))
	d.Manifest = diffFields(indexFields(from, false), indexFields(to, false))
	if len(d.Annotations)+len(d.Manifest) == 0 { // the order or the annotations of the entries
		d.Manifest = diffFields(indexFields(from, true), indexFields(to, true))
	}
}

// indexFields returns the fields of an index that are compared: the digests by platform or, if entries is set, the whole entries.
func indexFields(m *fetch.Manifest, entries bool) map[string]any {
	fields := map[string]any{"artifactType": m.ArtifactType, "mediaType": m.Desc.MediaType}
	var list []any
	seen := make(map[string]int)
	for _, e := range m.Manifests {
		list = append(list, []any{e.MediaType, e.Digest.String(), e.Annotations})
		name := "platforms"
		if e.Platform != nil {
			name += "." + manifest.FormatPlatform(e.Platform)
		}
		if seen[name]++; seen[name] > 1 { // attestations have the platform unknown/unknown
			name += "#" + strconv.Itoa(seen[name])
		}
		fields[name] = e.Digest.String()
	}
	if entries {
		fields["entries"] = list
	}
	return fields
}

// chooseManifests follows indexes to the manifests to compare. It reports whether two indexes have the same ones, and the caller chose
// no platform.
func (d *Difference) chooseManifests(ctx context.Context, p *pair) (same bool, err error) {
	all := p.a.Platform == nil && p.b.Platform == nil && isPlatforms(p.from) && isPlatforms(p.to)
	if all {
		p.choosePlatform()
	}
	if p.from, d.Platform, err = fetch.Choose(ctx, p.a.Source, p.from, p.a.Platform); err != nil {
		return false, err
	}
	var platform *ocispec.Platform
	if p.to, platform, err = fetch.Choose(ctx, p.b.Source, p.to, p.b.Platform); err != nil {
		return false, err
	}
	if d.Platform == nil {
		d.Platform = platform
	}
	return all && p.from.Desc.Digest == p.to.Desc.Digest, nil
}
