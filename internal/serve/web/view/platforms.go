package view

import (
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
			Name: manifest.FormatPlatform(m.Platform), Path: PathTo(repository, "@", m.Digest.String()), Kind: KindOf(m), Digest: m.Digest, Size: m.TotalSize,
		}
		if row.Name == "" {
			row.Name = m.Annotations[ocispec.AnnotationTitle]
		}
		for _, a := range m.Attestations {
			row.Attestations = append(row.Attestations, NewLink(ShortDigest(a.Digest), PathTo(repository, "@", a.Digest.String())))
		}
		rows = append(rows, row)
	}
	return rows
}
