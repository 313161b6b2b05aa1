package results

import (
	"testing"

	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestKeepLatest checks that a newer provenance does not hide an SBOM that was attested before.
func TestKeepLatest(t *testing.T) {
	t.Parallel()
	referrer := func(name, kind, predicate, day string) *referrers.Referrer {
		return &referrers.Referrer{Kind: kind, Tag: name, Annotations: map[string]string{
			mediatypes.BundlePredicateType: predicate, ocispec.AnnotationCreated: "2026-01-0" + day + "T00:00:00Z",
		}}
	}
	got := ""
	kept, notes := KeepLatest([]*referrers.Referrer{
		referrer("a", "attestation", "https://spdx.dev/Document", "1"), referrer("b", "attestation", "https://spdx.dev/Document", "2"),
		referrer("c", "attestation", "https://slsa.dev/provenance/v1", "3"), referrer("d", "report", "", "5"), referrer("e", "report", "", "4"),
	}, "listed")
	for _, r := range kept {
		got += r.Tag
	}
	if got != "bcd" || notes != nil {
		t.Errorf("got %s, %v, want bcd", got, notes)
	}
}
