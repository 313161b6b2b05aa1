package view

import (
	"maps"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/referrers"
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

// Card is a referrer.
type Card struct {
	Title, Path string
	Kind        string
	Created     string
	Fields      []Field
	Cards       []Card
}

// Cards describes referrers, and those of each.
func Cards(list []*referrers.Referrer, repository string) []Card {
	var all []Card
	for _, r := range list {
		title := r.Annotations[ocispec.AnnotationTitle]
		for _, name := range []string{r.Kind, r.ArtifactType, r.MediaType} {
			if title == "" {
				title = name
			}
		}
		shown := maps.Clone(r.Annotations)
		delete(shown, ocispec.AnnotationTitle)
		delete(shown, ocispec.AnnotationCreated)
		fields := FieldsOf(shown)
		all = append(all, Card{
			Title: title, Path: PathTo(repository, "@", r.Digest.String()), Kind: r.Kind, Created: Day(r.Created()),
			Fields: fields[:min(len(fields), maxCardFields)], Cards: Cards(r.Referrers, repository),
		})
	}
	return all
}

// maxCardFields limits how many annotations of a referrer are shown.
const maxCardFields = 6
