package results

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// AddReferrers adds referrers, and their referrers, below a line.
func AddReferrers(t *term.Tree, referrers []*referrers.Referrer, now time.Time) {
	for _, r := range referrers {
		kind := cmp.Or(r.Kind, r.ArtifactType, r.MediaType)
		child := t.Add(kind, cmp.Or(r.Annotations[ocispec.AnnotationTitle], Stated(r)), r.Digest.String(), age(r.Created(), now), r.Tag)
		AddReferrers(child, r.Referrers, now)
	}
}

// Stated returns the types of the predicates of an attestation.
func Stated(r *referrers.Referrer) string {
	types := slices.Clone(r.Statements)
	if len(types) == 0 {
		types = []string{cmp.Or(r.Annotations[mediatypes.PredicateType], r.Annotations[mediatypes.BundlePredicateType])}
	}
	for i, predicate := range types {
		types[i] = strings.TrimPrefix(predicate, "https://")
	}
	return strings.Join(types, ", ")
}

// age formats the time since created in its largest unit, "" if it is unknown.
func age(created, now time.Time) string {
	if created.IsZero() || created.Unix() <= 0 {
		return ""
	}
	d := now.Sub(created)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return ago(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return ago(int(d.Hours()), "hour")
	case d < 60*24*time.Hour:
		return ago(int(d.Hours()/24), "day")
	case d < 2*365*24*time.Hour:
		return ago(int(d.Hours()/24/30), "month")
	}
	return ago(int(d.Hours()/24/365), "year")
}

func ago(n int, unit string) string { return fmt.Sprintf("%s ago", term.Plural(n, unit)) }
