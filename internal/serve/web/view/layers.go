package view

import (
	"encoding/json"
	"net/url"

	"github.com/davit-oci/davit/internal/fetch/extension"
	"github.com/davit-oci/davit/internal/term/fields"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/opencontainers/go-digest"
)

// Layer describes a layer.
type Layer struct {
	Name, Role string
	Path       string // of the page about its file, or about the files in it
	MediaType  string
	Digest     digest.Digest
	Size       int64
}

// Step is a step in the history of an image, with the layer that it made.
type Step struct {
	Text   string
	Empty  bool // the step made no layer
	*Layer      // nil if unknown
}

// Limits of the first page of an artifact.
const (
	maxFields = 60   // fields of a config
	maxSteps  = 200  // steps of a history
	maxStep   = 2000 // characters of a step
)

// ConfigOf returns the fields of the config of an artifact, and the history of an image.
func ConfigOf(info *inspect.Info) (list []Field, history []fields.Step) {
	if info.Config == nil {
		return nil, nil
	}
	all, history := fields.Of(info.Config.Content)
	for _, f := range all[:min(len(all), maxFields)] {
		list = append(list, Field(f))
	}
	return list, history
}

// Layers describes the layers of an artifact.
func Layers(info *inspect.Info, repository string) []Layer {
	var rows []Layer
	for _, l := range info.Layers {
		row := Layer{Name: l.Name, Role: l.Role, MediaType: l.MediaType, Digest: l.Digest, Size: l.Size}
		switch artifact := PathTo(repository, "@", info.Digest.String()); {
		case extension.IsTar(l.Name, l.MediaType):
			row.Path = artifact + "/files?layer=" + url.QueryEscape(l.Digest.String())
		case l.Name != "":
			row.Path = artifact + EscapePath("/file/"+l.Name)
		}
		rows = append(rows, row)
	}
	return rows
}

// History describes the steps that made an image. Each has its layer, if as many steps made a layer as the image has layers.
func History(info *inspect.Info, history []fields.Step) []Step {
	made := 0
	for _, s := range history {
		if !s.Empty {
			made++
		}
	}
	var steps []Step
	next := 0
	for _, s := range history[:min(len(history), maxSteps)] {
		step := Step{Text: untrusted.Line(s.Text, maxStep), Empty: s.Empty}
		if !s.Empty && made == len(info.Layers) {
			l := info.Layers[next]
			step.Layer = &Layer{Digest: l.Digest, Size: l.Size}
			next++
		}
		steps = append(steps, step)
	}
	return steps
}

// DiffIDs returns the digests of the uncompressed layers, if the config has one for each layer.
func DiffIDs(info *inspect.Info) []string {
	var config struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if info.Config == nil || json.Unmarshal(info.Config.Raw, &config) != nil || len(config.RootFS.DiffIDs) != len(info.Layers) {
		return nil
	}
	return config.RootFS.DiffIDs
}
