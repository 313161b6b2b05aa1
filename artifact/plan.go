package artifact

import (
	"io/fs"

	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Plan is what an artifact will be: every decision about it made, no blob read further than its config needs.
// Compose makes it; package pack turns it into blobs and a manifest.
type Plan struct {
	Kind         mediatypes.Kind
	Name         string // org.opencontainers.image.title, may be empty
	ArtifactType string // of the manifest; empty: the manifest has none
	ConfigType   string // media type of the config blob
	// Finish makes the config's bytes, and what else depends on the layers' digests, from the packed layers in
	// manifest order. It is pure: the same layers give the same bytes.
	Finish      func(layers []Packed) (Finished, error)
	Layers      []Layer           // in manifest order, unless Kind.Order is ByDigest
	Annotations map[string]string // of the manifest; of the index when Platforms is set
	Tags        []string          // besides the tag of the target
	// Cascade is a version. Of its Tags, those that stand for a range of versions (1, 1.2, latest) stay where they are
	// when a higher version of the range is tagged already; see TagsBeside.
	Cascade string

	Platform  *ocispec.Platform // of this manifest, as an entry of an index; nil: none
	Platforms []*Plan           // one artifact per platform under one index; Layers is empty then

	Referrers []*Plan // packed, pushed and attached together with this artifact
	Subject   string  // a target this artifact refers to; empty: none
	Base      string  // a target whose layers and config an image or volume builds on; empty: none

	// Notes say what was decided without being told (the kind, a role), for people and for --dry-run.
	Notes []string
	// Warnings say what may surprise the user of the artifact (a secret in an env file).
	Warnings []string
}

// Layer is one layer of a Plan: which files go into the blob, and how.
type Layer struct {
	Path    string   // slash path in the plan's file system: a file, or a directory when Packing is a tar
	Files   []string // set for a tar of chosen files (a glob): their paths; Path is then the directory they stand under
	Content []byte   // bytes that Compose made itself; Path and Files are not read then
	Dir     bool     // Path is a directory
	Archive bool     // Path is a tar, whose entries are packed

	Role      string // in the kind; empty where the kind has no roles
	Title     string // name on pull, a clean relative slash path; empty only where a native client needs none
	MediaType string
	Packing   mediatypes.Packing
	Size      int64 // of a raw file or of Content in bytes; -1 for a tar

	Prefix   string // before the name of every tar entry
	Exclude  Filter // leaves paths out of a directory; nil keeps all
	Preserve bool   // real mode, owner, times and xattrs
	Split    bool   // several layers, cut by content
	Image    bool   // it is a layer of an image, where names that begin with ".wh." stand for deleted files
	Unpack   bool   // oras can unpack it: entries stand under the title, gzip; pack annotates it so

	Annotations map[string]string // besides the title
}

// Filter tells whether a path below a layer's directory (slash, relative to that directory) is left out.
type Filter func(path string, dir bool) bool

// Packed is a layer whose blob is known.
type Packed struct {
	Layer
	Descriptor ocispec.Descriptor
	DiffID     digest.Digest // of the uncompressed bytes; the descriptor's digest where nothing is compressed
	Info       fs.FileInfo   // of a raw file; nil otherwise
}

// Finished is what a kind makes of its packed layers.
type Finished struct {
	Config      []byte            // the config blob
	Annotations map[string]string // further ones of the manifest
	Entry       map[string]string // annotations of the manifest's descriptor in an index
}
