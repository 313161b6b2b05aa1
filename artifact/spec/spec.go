package spec

import (
	"encoding/json"
	"time"

	"github.com/davit-oci/davit/mediatypes"
)

// Spec is a declaration: the content of a davit.yaml, or the result of Detect for plain files. A Spec can also be built by
// hand; a field with its zero value counts as not set.
type Spec struct {
	Kind         string            `json:"kind,omitempty"`         // a built-in kind, or the path of a kind file
	Name         string            `json:"name,omitempty"`         // org.opencontainers.image.title
	Version      string            `json:"version,omitempty"`      // org.opencontainers.image.version
	ArtifactType string            `json:"artifactType,omitempty"` // replaces that of the kind
	Tags         []string          `json:"tags,omitempty"`         // besides the tag of the target
	Annotations  map[string]string `json:"annotations,omitempty"`
	Config       map[string]any    `json:"config,omitempty"` // overrides the values read from the files
	Layers       []LayerSpec       `json:"layers,omitempty"`
	Platform     string            `json:"platform,omitempty"`  // OS/ARCH[/VARIANT][:OS_VERSION]; only in an entry of Platforms
	Platforms    []*Spec           `json:"platforms,omitempty"` // instead of Layers; each has only Platform, Layers, Config, and Annotations
	Referrers    []*Spec           `json:"referrers,omitempty"`
	Related
	Settings

	origin origin
}

// Related names the artifacts that this one refers to or builds on, each by a reference or the path of a layout. Immutable protects
// the tags of versions.
type Related struct {
	Subject   string `json:"subject,omitempty"`   // the artifact that this one refers to
	Base      string `json:"base,omitempty"`      // the artifact whose layers and config an image or volume builds on
	Immutable bool   `json:"immutable,omitempty"` // the tag of the target and that of the version never move
}

// Settings are the parts of a Spec that davit.yaml cannot set.
type Settings struct {
	// Dir is the title of a layer whose path is ".". If it is empty, the title is Name, or else the name of the kind. The
	// name of the directory is not used, because a checkout can have any name.
	Dir string `json:"-"`
	// Dirs are the directories that Layers were chosen from. Compose adds the files in them that it does not pack to Plan.LeftOut.
	Dirs []string `json:"-"`
	// Created becomes org.opencontainers.image.created; zero leaves it out, so that equal files have equal digests.
	Created time.Time `json:"-"`
	// Own is a kind that is not built in and has already been read. If it is set, Kind is its name. Otherwise, Kind names the
	// kind, and a kind file is read from the file system that holds the layers.
	Own *mediatypes.Kind `json:"-"`
}

// LayerSpec is one entry of layers.
type LayerSpec struct {
	Path        string             `json:"path"`         // a file, a directory, or a glob
	As          string             `json:"as,omitempty"` // the role; if empty, found by pattern and content
	Packing     mediatypes.Packing `json:"packing,omitempty"`
	Title       string             `json:"title,omitempty"`
	MediaType   string             `json:"mediaType,omitempty"`
	Annotations map[string]string  `json:"annotations,omitempty"`
	Exclude     []string           `json:"exclude,omitempty"`
	Preserve    *bool              `json:"preserve,omitempty"` // if nil, the default of the role
	Split       *bool              `json:"split,omitempty"`    // likewise
}

// UnmarshalJSON reads the short form, which is only the path, and the long form.
func (l *LayerSpec) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &l.Path)
	}
	type long LayerSpec
	return json.Unmarshal(data, (*long)(l))
}
