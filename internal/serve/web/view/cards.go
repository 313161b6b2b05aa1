package view

import (
	"cmp"
	"maps"
	"strconv"

	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Card describes a referrer.
type Card struct {
	Title, Path string
	Kind        string
	Size        int64 // of its content; 0: unknown
	Created     string
	Fields      []Field
	Cards       []Card
}

const (
	// MaxCards limits the referrers of one subject that are shown.
	MaxCards = 200
	// maxCardFields limits the annotations of a referrer that are shown.
	maxCardFields = 6
)

// cardNames maps annotations to the names that cards show for them.
var cardNames = map[string]string{
	mediatypes.AttachmentSummary: "summary", mediatypes.RunbookAlerts: "alerts", mediatypes.RunbookSeverity: "severity", mediatypes.RunbookService: "service",
	mediatypes.RunbookOwner: "owner",
}

// Cards describes the first MaxCards referrers of a list, each with its own referrers.
func Cards(list []*referrers.Referrer, repository string) []Card {
	var all []Card
	for _, r := range list[:min(len(list), MaxCards)] {
		title := cmp.Or(r.Annotations[ocispec.AnnotationTitle], r.Kind, r.ArtifactType, r.MediaType)
		c := Card{Title: title, Path: PathTo(repository, "@", r.Digest.String()), Kind: r.Kind, Created: Day(r.Created()), Cards: Cards(r.Referrers, repository)}
		shown := maps.Clone(r.Annotations)
		delete(shown, ocispec.AnnotationTitle)
		delete(shown, ocispec.AnnotationCreated)
		if size, err := strconv.ParseInt(shown[mediatypes.AttachmentSize], 10, 64); err == nil && size > 0 {
			c.Size = size
			delete(shown, mediatypes.AttachmentSize)
		}
		for name, plain := range cardNames {
			if value, ok := shown[name]; ok {
				delete(shown, name)
				shown[plain] = value
			}
		}
		fields := FieldsOf(shown)
		c.Fields = fields[:min(len(fields), maxCardFields)]
		all = append(all, c)
	}
	return all
}
