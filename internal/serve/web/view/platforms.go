package view

import (
	"cmp"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Platform is a manifest of an index.
type Platform struct {
	Name, Path   string
	Kind         string
	Digest       digest.Digest
	Size         int64
	Attestations []Link
}

// Platforms describes the manifests of an index.
func Platforms(info *inspect.Info, repository string) []Platform {
	var rows []Platform
	for _, m := range info.Manifests {
		row := Platform{
			Name: entryName(m), Path: PathTo(repository, "@", m.Digest.String()), Kind: KindOf(m), Digest: m.Digest, Size: m.TotalSize,
		}
		for _, a := range m.Attestations {
			row.Attestations = append(row.Attestations, NewLink(ShortDigest(a.Digest), PathTo(repository, "@", a.Digest.String())))
		}
		rows = append(rows, row)
	}
	return rows
}

// entryName returns the name of a manifest in an index: its platform, or else its title.
func entryName(m *inspect.Info) string {
	return cmp.Or(manifest.FormatPlatform(m.Platform), m.Annotations[ocispec.AnnotationTitle])
}
