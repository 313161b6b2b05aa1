package view

import (
	"strings"

	"github.com/davit-oci/davit/internal/term/fields"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/opencontainers/go-digest"
)

// Layer is a layer, with the history of an image.
type Layer struct {
	Name, Role string
	Path       string // of its file, or of the blob
	MediaType  string
	Digest     digest.Digest
	Size       int64
	History    string
}

// maxFields limits how many fields of a config the first page of an artifact shows.
const maxFields = 60

// ConfigFields returns the fields of the config of an artifact.
func ConfigFields(info *inspect.Info) []Field {
	if info.Config == nil {
		return nil
	}
	all, _ := fields.Of(info.Config.Content)
	var list []Field
	for _, f := range all[:min(len(all), maxFields)] {
		list = append(list, Field(f))
	}
	return list
}

// Layers describes the layers of an artifact, with the steps that made those of an image.
func Layers(info *inspect.Info, repository string) []Layer {
	var steps []fields.Step
	if info.Config != nil {
		_, history := fields.Of(info.Config.Content)
		for _, s := range history {
			if !s.Empty {
				steps = append(steps, s)
			}
		}
	}
	var rows []Layer
	for i, l := range info.Layers {
		row := Layer{Name: l.Name, Role: l.Role, MediaType: l.MediaType, Digest: l.Digest, Size: l.Size}
		if len(steps) == len(info.Layers) {
			row.History = steps[i].Text
		}
		if l.Name != "" && !strings.Contains(l.MediaType, "tar") {
			row.Path = PathTo(repository, "@", info.Digest.String()) + EscapePath("/file/"+l.Name)
		}
		rows = append(rows, row)
	}
	return rows
}
