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

// signatureOf describes the key by which the artifact of a document is signed. The signature of an envelope in it is another
// one.
func signatureOf(doc *read.Document, keys []trust.Key) string {
	switch {
	case len(keys) == 0:
		return doc.Signature
	case doc.Signature != "":
		return doc.Signature + "; its manifest is verified by " + keys[0].Name
	}
	return "verified by " + keys[0].Name
}

// unverified names the signatures of the artifact of a document that no key was given for, or returns "" if it has none or
// the registry does not list them at once.
func unverified(ctx context.Context, t *app.Target, doc *read.Document) string {
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
