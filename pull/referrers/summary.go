package referrers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// complete sets the fields that are read from the annotations.
func (r *Referrer) complete() {
	r.Name, r.Summary = r.Annotations[ocispec.AnnotationTitle], r.summarize()
	if created := r.Created(); created.Unix() > 0 {
		r.Date = created.Format(time.RFC3339)
	}
	if size, err := strconv.ParseInt(r.Annotations[mediatypes.AttachmentSize], 10, 64); err == nil && size > 0 {
		r.ContentSize = size
	}
}

// summarize returns the facts about the content: alerts, the summary of a document, the statement, or the type.
func (r *Referrer) summarize() string {
	alerts := textdist.FirstFew(r.Alerts())
	if level := r.Annotations[mediatypes.RunbookSeverity]; level != "" && alerts != "" {
		alerts = level + ": " + alerts
	}
	var parts []string
	for _, part := range []string{alerts, r.PredicateTypes(), r.Annotations[mediatypes.AttachmentSummary]} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 && r.Kind != "" && r.ArtifactType != mediatypes.UnknownArtifact && !strings.Contains(r.ArtifactType, "."+r.Kind+".") {
		return strings.TrimPrefix(r.ArtifactType, "application/")
	}
	return strings.Join(parts, "; ")
}

// PredicateTypes returns the predicate types of an attestation, separated by commas.
func (r *Referrer) PredicateTypes() string {
	types := slices.Clone(r.Statements)
	if len(types) == 0 {
		types = []string{cmp.Or(r.Annotations[mediatypes.PredicateType], r.Annotations[mediatypes.BundlePredicateType])}
	}
	for i, predicate := range types {
		types[i] = strings.TrimPrefix(predicate, "https://")
	}
	return strings.Join(types, ", ")
}
