package attach

import (
	"context"
	"strings"

	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// maxAlike limits how many manifests are read to tell attachments apart.
const maxAlike = 32

// tellApart returns the names of the files in attachments that a listing shows alike, except for their digests. It takes two seconds at
// most, and leaves out names that it can't read.
func tellApart(ctx context.Context, src content.Fetcher, r *discoverResult) map[digest.Digest]string {
	alike := findAlike(r.Referrers)
	for _, m := range r.Manifests {
		alike = append(alike, findAlike(m.Referrers)...)
	}
	alike = alike[:min(len(alike), maxAlike)]
	if len(alike) == 0 {
		return nil
	}
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	names := make([]string, len(alike))
	_ = concurrency.Each(ctx, len(alike), func(ctx context.Context, i int) error { // without names, the digests tell them apart
		m, err := fetch.Load(ctx, src, alike[i].Descriptor())
		if err == nil && len(m.Layers) > 0 {
			names[i] = m.Layers[0].Annotations[ocispec.AnnotationTitle]
		}
		return nil
	})
	files := map[digest.Digest]string{}
	for i, r := range alike {
		if names[i] != r.Annotations[ocispec.AnnotationTitle] {
			files[r.Digest] = names[i]
		}
	}
	return files
}

// findAlike returns the attachments that are listed like another one. Signatures are not among them: what they sign tells them apart.
func findAlike(all []*referrers.Referrer) []*referrers.Referrer {
	rows := map[string][]*referrers.Referrer{}
	var order []string
	for _, r := range all {
		if r.Kind == "" || r.PredicateTypes() != "" {
			continue
		}
		row := strings.Join([]string{r.Kind, r.ArtifactType, r.Annotations[ocispec.AnnotationTitle], r.Annotations[ocispec.AnnotationCreated],
			r.Annotations[mediatypes.AttachmentSummary], r.Annotations[mediatypes.AttachmentSize]}, "\n")
		if rows[row] == nil {
			order = append(order, row)
		}
		rows[row] = append(rows[row], r)
	}
	var alike []*referrers.Referrer
	for _, row := range order {
		if len(rows[row]) > 1 {
			alike = append(alike, rows[row]...)
		}
	}
	return alike
}
