package view

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Field is a name and a value.
type Field struct{ Name, Value string }

// FieldsOf returns annotations as fields, sorted by name.
func FieldsOf(annotations map[string]string) []Field {
	var fields []Field
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		fields = append(fields, Field{name, annotations[name]})
	}
	return fields
}

// MaxLine limits the characters of a name or value that a page shows.
const MaxLine = 300

// ShortDigest returns a digest with only the first 12 digits, as commands print it.
func ShortDigest(d digest.Digest) string {
	if d.Validate() != nil {
		return untrusted.Line(string(d), MaxLine)
	}
	return d.Algorithm().String() + ":" + d.Encoded()[:12]
}

// KindOf returns the kind of an artifact, or else its type.
func KindOf(info *inspect.Info) string {
	return cmp.Or(info.Kind, info.ArtifactType, info.MediaType)
}

// Created returns the creation time in the annotations or config of an artifact or, for an index, of its first manifest. It
// returns the zero time if the artifact has no such time.
func Created(info *inspect.Info) time.Time {
	if t, err := time.Parse(time.RFC3339, info.Annotations[ocispec.AnnotationCreated]); err == nil {
		return t
	}
	if info.Config != nil {
		var config struct {
			Created string `json:"created"`
		}
		if json.Unmarshal(info.Config.Raw, &config) == nil {
			if t, err := time.Parse(time.RFC3339, config.Created); err == nil {
				return t
			}
		}
	}
	if len(info.Manifests) > 0 {
		return Created(info.Manifests[0])
	}
	return time.Time{}
}

// Day returns the date of a time. It returns "" for times up to the Unix epoch, which artifacts often have in place of a real time.
func Day(t time.Time) string {
	if t.Unix() <= 0 {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
