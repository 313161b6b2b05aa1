// Package kind is the contract of a kind: its data, the functions that its data name, and how a pull treats it.
package kind

import (
	"io"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Kind is a built-in kind. Most kinds are only data.
type Kind struct {
	mediatypes.Kind

	// Derive reads the config from the files. Config.Derive names it, so that kind files can use it as well.
	Derive compose.DeriveFunc
	// Tests are the tests of a file's content that LayerType.Content names.
	Tests map[string]roles.Test
	// Select reduces the files found in a directory to those that the native client takes of one. Nil: all of them.
	Select compose.SelectFunc
	// Sign reports whether a manifest belongs to the kind, where types do not suffice. A manifest must not show the signs of
	// two kinds.
	Sign func(mediatypes.Traits) bool
	// Predicates are the beginnings of the predicate types of in-toto statements that state content of the kind.
	Predicates []string
	// Outline summarizes the document that an artifact of the kind is. Nil: none.
	Outline compose.OutlineFunc
	// Rows is Outline with a row for each thing that the document is about, where those of Outline are sums. Nil: Outline.
	Rows compose.OutlineFunc
	// Names are names of files that explain an artifact, whatever its kind.
	Names []Naming
	// Defaults is the file beside the readable part with the settings that users may change, "" for none.
	Defaults string
	// Page is an example of a page whose front matter fills the config, "" for kinds without one.
	Page string
	// Native are commands of native clients that fetch an artifact of the kind from a registry; "{ref}" in them becomes the
	// repository with a digest.
	Native []string
	// Export is a program that writes what it keeps as a tar of the kind. Nil: none.
	Export *Export
	Pull   Pull
}

// Export is a command that writes a tar to standard output. The name of what it writes follows its words.
type Export struct {
	Scheme  string // before the name in "SCHEME:NAME"
	Command []string
}

// Pull describes how a pull treats a kind. The zero value suits a kind whose layers have titles and whose tars are
// directories.
type Pull struct {
	// Name returns the name of a layer that has no title, "" for none. It gets the content of the config.
	Name func(config []byte, layer ocispec.Descriptor) (string, error)
	// NeedsConfig reports whether Name needs the config for a layer of this media type.
	NeedsConfig func(mediaType string) bool
	// NameAll returns names of layers that have no title, by their index, where a name depends on other layers.
	NameAll func(layers []ocispec.Descriptor) map[int]string
	// Facts returns the most important facts about an artifact, read from its config.
	Facts func(config []byte) []Fact
	// FactsOf is Facts, with facts from the files that the config names. open returns a reader of the file at a path in the
	// layer of a digest, nil if it is absent.
	FactsOf func(config []byte, open func(layer, path string) (r io.ReaderAt, size int64)) []Fact
	Tars    Unpacking
	// ImagesToo: a container image without a kind of its own is treated as a file system.
	ImagesToo bool
	// Joins: without unpacking, the layers become one tar, with owners, times, and extended attributes.
	Joins bool
	// HasWeights: the config describes the weights, so nothing is read from them.
	HasWeights bool
	// Readings describe how files of each role are shown.
	Readings map[string]Reading
	// PathInTar: a path names a file in the tar of a layer, and the name of the layer does not count.
	PathInTar bool
	// Index returns the file that a reader begins with, "" if the config names none.
	Index func(config []byte) string
	// Alerts lists the alerts that the artifact answers, and where. The manifest repeats their names in the annotation
	// mediatypes.RunbookAlerts.
	Alerts func(config []byte) []Alert
	// Answer returns the part of a text, the only file of the artifact, that answers one of its alerts.
	Answer func(text []byte, alert string) []byte
}

// Unpacking describes how a pull unpacks layers that are tars.
type Unpacking struct {
	// Keep: a tar is a file unless its annotations say that it is a directory.
	Keep bool
	// Rooted: names in a tar may begin with a slash, and are relative all the same.
	Rooted bool
}

// Alert is an alert that an artifact answers. The fields after Section describe the answer, where they are known.
type Alert struct {
	Name                            string
	Page                            string // the file, as a pull names it; empty: the artifact as a whole
	Section                         string // the anchor of a heading in Page; empty: the whole page
	Title, Severity, Owner, Service string
}

// FilesFact is the name of the fact that lists the first files.
const FilesFact = "files"

// Fact is a name and a value: one fact about an artifact.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
