// Package mediatypes defines the kinds of artifacts: the media types of a kind's manifest, config, and layers, the roles that files
// play in it, and the native clients that read it. It reads no files; package artifact does that with this data.
package mediatypes

// Packing is the format in which the files of a layer are packed into its blob.
type Packing string

// The packings. Raw is one file, byte for byte. The others are deterministic archives: a tar, compressed or not, or a zip.
const (
	Raw     Packing = "raw"
	Tar     Packing = "tar"
	TarGzip Packing = "tar+gzip"
	TarZstd Packing = "tar+zstd"
	Zip     Packing = "zip"
)

// Packings lists all packings.
func Packings() []Packing { return []Packing{Raw, Tar, TarGzip, TarZstd, Zip} }

// Extension returns the file name extension of a packing, such as ".tar.gz". It returns "" for Raw: such files keep their names.
func (p Packing) Extension() string {
	switch p {
	case Tar:
		return ".tar"
	case TarGzip:
		return ".tar.gz"
	case TarZstd:
		return ".tar.zst"
	case Zip:
		return ".zip"
	}
	return ""
}

// Shape is the form of a kind's manifest.
type Shape string

// The shapes. An Artifact is an image manifest with its own config type; an Image has an OCI image config whose rootfs lists
// the layers; an Index is one manifest per platform under an index, even for a single platform; a Collection is an index of
// artifacts that differ in more than their platform, each with its own name and version, all of which a pull takes.
const (
	Artifact   Shape = ""
	Image      Shape = "image"
	Index      Shape = "index"
	Collection Shape = "collection"
)

// HasEntries reports whether an artifact of the shape is an index.
func (s Shape) HasEntries() bool { return s == Index || s == Collection }

// Order is the order of a kind's layers in its manifest.
type Order string

// The orders. Declared keeps the order of davit.yaml; ByDigest sorts by digest like Helm; ByTitle sorts by title like Docker
// Model Runner; ByRole follows the order of Kind.Layers and keeps the declared order within a role.
const (
	Declared Order = ""
	ByDigest Order = "digest"
	ByTitle  Order = "title"
	ByRole   Order = "role"
)

// Kind is one type of artifact: how "kind: model" is packed, and how its manifests are recognized. The JSON and YAML names are
// those of a kind file, so that every built-in kind prints as one.
type Kind struct {
	Name    string `json:"name" yaml:"name"`       // as in davit.yaml: "model"
	Summary string `json:"summary" yaml:"summary"` // one line for help and README

	Identity `yaml:",inline"`

	Shape  Shape       `json:"shape,omitempty" yaml:"shape,omitempty"`
	Config Config      `json:"config,omitzero" yaml:"config,omitempty"`
	Layers []LayerType `json:"layers,omitempty" yaml:"layers,omitempty"` // the first that matches a file wins
	Order  Order       `json:"order,omitempty" yaml:"order,omitempty"`

	Directories `yaml:",inline"`

	// Annotations are set on every manifest of the kind, but for a Collection only on the index. "{name}" is the declared name.
	Annotations map[string]string `json:"annotations,omitempty" yaml:"annotations,omitempty"`

	Tagging `yaml:",inline"`

	// Attached kinds are usually referrers of another artifact: an SBOM, a runbook.
	Attached bool `json:"attached,omitempty" yaml:"attached,omitempty"`
	// ReadOnly kinds are recognized and shown, never packed.
	ReadOnly bool `json:"readOnly,omitempty" yaml:"readOnly,omitempty"`
	// Clients names the native clients that read the kind: "helm", "docker model".
	Clients []string `json:"clients,omitempty" yaml:"clients,omitempty"`
	// Example is a davit.yaml of a few lines that packs the files of examples/NAME.
	Example string `json:"example,omitempty" yaml:"example,omitempty"`
}

// Identity identifies the manifests of a kind. Its fields are fields of the kind in a kind file.
type Identity struct {
	// ArtifactType is written to the manifest. If it is empty and TypeFromLayer is not set, the manifest has none, and the
	// config's media type identifies the kind.
	ArtifactType string `json:"artifactType,omitempty" yaml:"artifactType,omitempty"`
	// TypeFromLayer makes the first layer's media type the artifactType, as scanners expect of an SBOM.
	TypeFromLayer bool `json:"typeFromLayer,omitempty" yaml:"typeFromLayer,omitempty"`
	// Types are further artifactTypes and config media types by which the kind is recognized when it is read:
	// legacy names, and those that other clients write.
	Types []string `json:"types,omitempty" yaml:"types,omitempty"`
}

// Tagging determines the tag and the repository by which the native clients of a kind find an artifact.
type Tagging struct {
	// VersionTag makes the version of the artifact its tag, which every push must use.
	VersionTag bool `json:"versionTag,omitempty" yaml:"versionTag,omitempty"`
	// Tag is the tag of every push, for an artifact that describes its whole repository.
	Tag string `json:"tag,omitempty" yaml:"tag,omitempty"`
	// NamedRepository makes the name of the artifact the last part of its repository, which every push must use.
	NamedRepository bool `json:"namedRepository,omitempty" yaml:"namedRepository,omitempty"`
	// NamedUse is the only use of an artifact for which the last part of its repository must be its name: "as a dependency".
	NamedUse string `json:"namedUse,omitempty" yaml:"namedUse,omitempty"`
	// Namespaced means that native clients find only repositories with at least two parts.
	Namespaced bool `json:"namespaced,omitempty" yaml:"namespaced,omitempty"`
}

// Directories determines which files of a directory a kind packs, and as how many layers.
type Directories struct {
	// Expand packs a directory that matches no role as one layer for each file below it. Without Expand, such a directory is
	// an error.
	Expand bool `json:"expand,omitempty" yaml:"expand,omitempty"`
	// PerEntry packs a directory that is named without a davit.yaml entry by entry, each in its own role, even if the
	// directory matches a role.
	PerEntry bool `json:"perEntry,omitempty" yaml:"perEntry,omitempty"`
	// Exclude lists patterns of files that the native client does not pack, in the syntax of .dockerignore, relative to the
	// directory or to the fixed part of the glob. A path that davit.yaml names explicitly is packed nevertheless; "!" in the
	// exclude of an entry includes paths again.
	Exclude []string `json:"exclude,omitempty" yaml:"exclude,omitempty"`
	// IgnoreFile is the name of the native client's ignore file, in the syntax of .dockerignore. The files that it lists are never
	// packed, nor is the ignore file.
	IgnoreFile string `json:"ignoreFile,omitempty" yaml:"ignoreFile,omitempty"`
}

// Config describes the config blob of a kind. The zero value is the empty config of image-spec 1.1.
type Config struct {
	MediaType string `json:"mediaType,omitempty" yaml:"mediaType,omitempty"`
	// Optional makes the config the empty one, regardless of MediaType, if davit.yaml has no config fields.
	Optional bool `json:"optional,omitempty" yaml:"optional,omitempty"`
	// Derive names the function that reads the config from the files ("model", "helm" …). If it is empty, the config is
	// Defaults with the config fields of davit.yaml merged over them.
	Derive string `json:"derive,omitempty" yaml:"derive,omitempty"`
	// Schema is the JSON Schema (2020-12) of config in davit.yaml, and of the whole config if no function derives it.
	Schema   map[string]any `json:"schema,omitempty" yaml:"schema,omitempty"`
	Defaults map[string]any `json:"defaults,omitempty" yaml:"defaults,omitempty"`
}

// LayerType is one role that a file can play in a kind.
type LayerType struct {
	Role      string `json:"role" yaml:"role"`           // "weights", "license"
	MediaType string `json:"mediaType" yaml:"mediaType"` // of the blob, in the default Packing
	// MediaTypes are the media types of the blob in packings other than the default.
	MediaTypes map[Packing]string `json:"mediaTypes,omitempty" yaml:"mediaTypes,omitempty"`
	// Match are doublestar patterns over slash paths, ignoring case; a pattern without a slash matches the base name.
	// A pattern that ends in "/" matches directories only.
	Match []string `json:"match,omitempty" yaml:"match,omitempty"`
	// Content names a test that the file's content must also pass ("gguf", "spdx-json" …). With Content and no Match, only the
	// content decides.
	Content string `json:"content,omitempty" yaml:"content,omitempty"`
	// Exclude lists patterns that a directory of this role leaves out, in the syntax of .dockerignore, unless davit.yaml
	// sets exclude.
	Exclude []string `json:"exclude,omitempty" yaml:"exclude,omitempty"`
	// Claims are patterns of names that claim this role for a file. A file with such a name that fails Content is
	// broken: it is refused if no kind is named, instead of being packed as generic.
	Claims  []string `json:"claims,omitempty" yaml:"claims,omitempty"`
	Packing Packing  `json:"packing,omitempty" yaml:"packing,omitempty"` // default Raw
	Min     int      `json:"min,omitempty" yaml:"min,omitempty"`         // minimum number of layers of this role; 0 if optional
	Max     int      `json:"max,omitempty" yaml:"max,omitempty"`         // maximum number of layers of this role; 0 means any number
	// Tells means that a file of this role is enough to detect the kind if no davit.yaml names one.
	Tells bool `json:"tells,omitempty" yaml:"tells,omitempty"`
	Form  `yaml:",inline"`

	// Annotations are set on the layer; "{path}" and "{base}" in a value stand for the file's path and base name.
	Annotations map[string]string `json:"annotations,omitempty" yaml:"annotations,omitempty"`
}

// Form determines how a layer is named, and what its tar holds.
type Form struct {
	// Prefix is put before the name of every tar entry: "./" for Dev Containers, "volume-data/" for volumes. "{title}/"
	// is the layer's title, the form that oras unpacks.
	Prefix string `json:"prefix,omitempty" yaml:"prefix,omitempty"`
	// Untitled means that the title of a layer of this role is not its path, but the name that the kind sets, if any.
	Untitled bool `json:"untitled,omitempty" yaml:"untitled,omitempty"`
	// Preserve keeps modes, owners, times, and extended attributes, unless davit.yaml overrides it.
	Preserve bool `json:"preserve,omitempty" yaml:"preserve,omitempty"`
	// Split packs a directory as several layers, cut by content, unless davit.yaml overrides it.
	Split bool `json:"split,omitempty" yaml:"split,omitempty"`
	// Follow packs links in a directory as the files and directories that they lead to.
	Follow bool `json:"follow,omitempty" yaml:"follow,omitempty"`
	// Archive means that a file of this role is a tar, whose entries are packed like those of a directory.
	Archive bool `json:"archive,omitempty" yaml:"archive,omitempty"`
	// File means that the native clients treat the tar of a directory as a file, so a pull does not unpack it.
	File bool `json:"file,omitempty" yaml:"file,omitempty"`
}
