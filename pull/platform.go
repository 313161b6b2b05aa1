package pull

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// maxNesting bounds indexes within indexes.
const maxNesting = 4

// The annotations by which BuildKit marks an index entry that describes another one.
const (
	referenceType   = "vnd.docker.reference.type"
	referenceDigest = "vnd.docker.reference.digest"
)

// choose follows an index to the manifest of a platform.
func choose(ctx context.Context, src content.Fetcher, m *manifest, want *ocispec.Platform) (
	*manifest, *ocispec.Platform, error) {
	var platform *ocispec.Platform
	for range maxNesting {
		if !m.isIndex() {
			return m, platform, nil
		}
		entry, err := entryFor(m, want)
		if err != nil {
			return nil, nil, err
		}
		if entry.Platform != nil {
			platform = entry.Platform
		}
		if m, err = load(ctx, src, entry); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, artifact.Refused(m.desc.Digest.String(), "indexes are nested deeper than %d", maxNesting)
}

// entryFor is the index entry of the platform. A single entry without a platform fits all.
func entryFor(m *manifest, want *ocispec.Platform) (ocispec.Descriptor, error) {
	entries := runnable(m.Manifests)
	if len(entries) == 1 && entries[0].Platform == nil {
		return entries[0], nil
	}
	target := want
	if target == nil {
		target = &ocispec.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}
	}
	for _, exact := range []bool{true, false} {
		for _, e := range entries {
			if e.Platform != nil && matches(*target, *e.Platform, exact) {
				return e, nil
			}
		}
	}
	have := make([]string, 0, len(entries))
	for _, e := range entries {
		have = append(have, PlatformString(e.Platform))
	}
	return ocispec.Descriptor{}, &PlatformError{Index: m.desc.Digest, Platform: PlatformString(target), Have: have}
}

// PlatformError says that an index has nothing for a platform. errors.Is(err, errdef.ErrNotFound).
type PlatformError struct {
	Index    digest.Digest
	Platform string   // as PlatformString writes it
	Have     []string // the platforms of the index, in its order
}

// Error names the index by its digest.
func (e *PlatformError) Error() string {
	return fmt.Sprintf("%s has nothing for %s, only for: %s", e.Index, e.Platform, strings.Join(e.Have, ", "))
}

// Unwrap gives errdef.ErrNotFound.
func (e *PlatformError) Unwrap() error { return errdef.ErrNotFound }

// runnable leaves out the entries that describe others.
func runnable(entries []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(entries), isAttestation)
}

func isAttestation(e ocispec.Descriptor) bool {
	return e.Annotations[referenceType] != "" ||
		e.Platform != nil && e.Platform.OS == "unknown" && e.Platform.Architecture == "unknown"
}

// matches tells whether have serves who wants: exactly, or with what want leaves open.
func matches(want, have ocispec.Platform, exact bool) bool {
	if want.OS != have.OS || want.Architecture != have.Architecture {
		return false
	}
	if want.Variant == have.Variant && want.OSVersion == have.OSVersion {
		return true
	}
	return !exact && (want.Variant == "" || want.Variant == variant(have)) &&
		(want.OSVersion == "" || want.OSVersion == have.OSVersion)
}

// variant with the one that an architecture has when none is given.
func variant(p ocispec.Platform) string {
	if p.Variant == "" && p.Architecture == "arm64" {
		return "v8"
	}
	return p.Variant
}

// PlatformString is os/architecture[/variant], as people write it.
func PlatformString(p *ocispec.Platform) string {
	if p == nil {
		return "any"
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}
