// Package kind defines the parts of a kind: its data, the functions that the data refer to, and how a pull treats its
// artifacts.
package kind

import (
	"io"
	"slices"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Kind is a built-in kind. Most kinds are only data.
type Kind struct {
	mediatypes.Kind

	// Derive reads the config from the files. Config.Derive refers to it by name, so that kind files can use it too.
	Derive compose.DeriveFunc
	// Tests are the content tests, by the names that LayerType.Content refers to.
	Tests map[string]roles.Test
	// Select reduces the files found in a directory to those that the native client packs. If nil, all are packed.
	Select compose.SelectFunc
	// Matches reports whether a manifest belongs to the kind, for kinds that media types do not identify. It must return false
	// for a manifest of another kind.
	Matches func(mediatypes.Traits) bool
	// Predicates are prefixes of the predicate types of in-toto statements whose predicate is content of the kind.
	Predicates []string
	// Outline summarizes the document in an artifact of the kind. If nil, there is no summary.
	Outline compose.OutlineFunc
	// Rows is a longer Outline, with a row for each item of the document instead of totals. If nil, Outline is used.
	Rows compose.OutlineFunc
	// Names rank files that explain an artifact. They apply to artifacts of every kind.
	Names []Naming
	// Defaults is the file with the default settings that users may change, such as values.yaml, or "".
	Defaults string
	// Page is an example of a page whose front matter fills the config, or "".
	Page string
	// Native are commands of native clients that fetch an artifact of the kind from a registry; "{ref}" is replaced by the
	// reference, with a digest, and "{tagged}" by one with a tag and a digest, for clients that need a tag.
	Native []string
	// Export is a command that exports an object of another program as a tar of the kind. It may be nil.
	Export *Export
	Pull   Pull
}

// IsGuessed reports whether files of other kinds can seem to be of the kind: their names show it, or a general test does.
func (k Kind) IsGuessed() bool {
	return slices.ContainsFunc(k.Layers, func(l mediatypes.LayerType) bool {
		return l.Tells && (l.Content == "" || k.Tests[l.Content].IsGeneral)
	})
}

// Export is a command that writes a tar to standard output. The name of the exported object is its last argument.
type Export struct {
	Scheme  string // before the name in "SCHEME:NAME"
	Command []string
}

// Pull describes how a pull treats a kind. The zero value suits a kind whose layers have titles and whose tars are
// directories.
type Pull struct {
	// Name returns the file name for a layer that has no title, or "". config is the content of the config blob.
	Name func(config []byte, layer ocispec.Descriptor) (string, error)
	// NeedsConfig reports whether Name needs the config for a layer of this media type.
	NeedsConfig func(mediaType string) bool
	// NameAll returns file names for layers that have no title, by index, in kinds where a name depends on other layers.
	NameAll func(layers []ocispec.Descriptor) map[int]string
	Facts   FactReaders
	Tars    Unpacking
	// ImagesToo means that a container image of no other kind is treated as a file system.
	ImagesToo bool
	// Joins means that a pull without unpacking merges the layers into one tar, with owners, times, and extended attributes.
	Joins bool
	// HasWeights means that the config describes the weights, so the weight files are not read.
	HasWeights bool
	// Readings describe how files of each role are shown.
	Readings map[string]Reading
	// PathInTar means that a path refers to a file in a layer's tar and does not begin with the name of the layer.
	PathInTar bool
	// Index returns the file to read first, or "" if the config names none.
	Index func(config []byte) string
	// Alerts lists the alerts that the artifact answers, and where. The manifest repeats their names in the annotation
	// mediatypes.RunbookAlerts.
	Alerts func(config []byte) []Alert
	// Answer returns the part of a text, the only file of the artifact, that answers one of its alerts.
	Answer func(text []byte, alert string) []byte
}

// FactReaders read facts about an artifact.
type FactReaders struct {
	// Config returns the most important facts, read from the config.
	Config func(config []byte) []Fact
	// Files is Config for kinds that also read files that the config names. open returns a reader of the file at path in the layer
	// with that digest, or nil if the file is absent.
	Files func(config []byte, open func(layer, path string) (r io.ReaderAt, size int64)) []Fact
	// Annotations returns facts, and the options of the artifact, from the annotations of the manifest. They come before those in the
	// config.
	Annotations func(annotations map[string]string) ([]Fact, []Option)
}

// Unpacking describes how a pull unpacks layers that are tars.
type Unpacking struct {
	// Keep means that a tar is a file unless its annotations mark it as a directory.
	Keep bool
	// Rooted means that names in a tar may begin with a slash, which is ignored.
	Rooted bool
}

// Alert is an alert that an artifact answers. The fields after Section describe the answer and may be empty.
type Alert struct {
	Name                            string
	Page                            string // the file, as a pull names it; empty for the whole artifact
	Section                         string // the anchor of a heading in Page; empty for the whole page
	Title, Severity, Owner, Service string
}
