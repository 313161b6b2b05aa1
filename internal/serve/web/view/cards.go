package view

import (
	"cmp"
	"maps"
	"strconv"

	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Card describes a referrer.
type Card struct {
	Title, Path string
	Kind        string
	Size        int64 // of its content; 0 if unknown
	Created     string
	Fields      []Field
	Cards       []Card
}

// CardGroup holds the referrers of an artifact, or of a manifest in it.
type CardGroup struct {
	Name  string // of the manifest, such as its platform; empty if the artifact is not an index
	Cards []Card
}

const (
	// maxCards limits the referrers that are shown.
	maxCards = 200
	// maxCardFields limits the annotations of a referrer that are shown.
	maxCardFields = 6
)

// cardNames maps annotations to the names that cards show for them.
var cardNames = map[string]string{
	mediatypes.AttachmentSummary: "summary", mediatypes.RunbookAlerts: "alerts", mediatypes.RunbookSeverity: "severity", mediatypes.RunbookService: "service",
	mediatypes.RunbookOwner: "owner",
}

// cardsOf describes the first maxCards referrers of a list, each with its own referrers.
func cardsOf(list []*referrers.Referrer, repository string) []Card {
	var all []Card
	for _, r := range list[:min(len(list), maxCards)] {
		title := cmp.Or(r.Annotations[ocispec.AnnotationTitle], r.Kind, r.ArtifactType, r.MediaType)
		c := Card{Title: title, Path: PathTo(repository, "@", r.Digest.String()), Kind: r.Kind, Created: Day(r.Created()), Cards: cardsOf(r.Referrers, repository)}
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

// CardGroups describes the referrers of an artifact and of the manifests in it, grouped by subject, and returns how many it leaves
// out.
func CardGroups(lists map[digest.Digest][]*referrers.Referrer, info *inspect.Info, repository string) (groups []CardGroup, more int) {
	subjects := []digest.Digest{info.Digest}
	names := map[digest.Digest]string{info.Digest: "The index"}
	for _, m := range info.Manifests { // several platforms may have one manifest
		name := cmp.Or(entryName(m), ShortDigest(m.Digest))
		if other := names[m.Digest]; other != "" {
			name = other + ", " + name
		} else {
			subjects = append(subjects, m.Digest)
		}
		names[m.Digest] = name
	}
	room := maxCards
	for _, d := range subjects {
		list := lists[d]
		shown := list[:min(len(list), room)]
		room -= len(shown)
		more += len(list) - len(shown)
		if len(shown) > 0 {
			groups = append(groups, CardGroup{names[d], cardsOf(shown, repository)})
		}
	}
	if len(info.Manifests) == 0 && len(groups) > 0 {
		groups[0].Name = ""
	}
	return groups, more
}
