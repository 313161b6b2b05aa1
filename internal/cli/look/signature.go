package look

import (
	"context"
	"slices"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/davit-oci/davit/pull/trust"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// describeSignature describes the signature of a document: by an envelope around its content, by a key that signed its artifact, or by both.
func describeSignature(doc *read.Document, keys []trust.Key) string {
	switch {
	case len(keys) == 0:
		return doc.Signature
	case doc.Signature != "":
		return doc.Signature + "; its manifest is verified by " + keys[0].Name
	}
	return "verified by " + keys[0].Name
}

// nameUnverified names the signatures of a document's artifact that were not verified for lack of a key. It returns "" if the artifact is not
// signed, or if the registry does not list signatures in time.
func nameUnverified(ctx context.Context, t *app.Target, doc *read.Document) string {
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	var signed []ocispec.Descriptor
	for _, d := range []digest.Digest{doc.Index, doc.Digest} {
		if d != "" {
			signed = append(signed, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: d})
		}
	}
	found, err := referrers.NewLister(t.Target, referrers.Options{}).Each(ctx, signed)
	if err != nil {
		return ""
	}
	var all []string
	for _, m := range signed {
		for _, r := range found[m.Digest] {
			if verdict := results.NewView(nil, nil).Verdict(r); kinds.IsSignature(r.Kind) && !slices.Contains(all, verdict) {
				all = append(all, verdict)
			}
		}
	}
	return textdist.FirstFew(all)
}
