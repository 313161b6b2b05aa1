package spec

import (
	"io/fs"
	"slices"

	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Plan describes the artifact to pack, with all decisions made. Only the parts of files that the config needs have been read.
// Compose makes a Plan; package pack turns it into blobs and a manifest.
type Plan struct {
	Kind         mediatypes.Kind
	Name         string // by which native clients find the artifact, else the declared one; may be empty
	ArtifactType string // of the manifest; empty if the manifest has none
	ConfigType   string // media type of the config blob
	// Finish makes the bytes of the config, and anything else that depends on the digests of the layers, from the packed
	// layers in manifest order. It is pure: the same layers result in the same bytes.
	Finish      func(layers []Packed) (Finished, error)
	Layers      []Layer           // in manifest order, unless Kind.Order is ByDigest
	Annotations map[string]string // of the manifest; of the index when Platforms is set
	Tags        []string          // besides the tag of the target
	// Cascade is a version. If a tag in Tags names a range of versions (1, 1.2, latest), and a higher version in that
	// range is tagged already, the tag does not move; see TagsBeside.
	Cascade string

	Platform  *ocispec.Platform // of this manifest, as an entry of an index; nil if none
	Platforms []*Plan           // one artifact per platform under one index; Layers is empty then
	Others
	Related
	Remarks
}

// Inner returns the plans of the platforms, and those of the referrers. Inlined, it would add 4 KB to the program.
//
//go:noinline
func (p *Plan) Inner() []*Plan { return slices.Concat(p.Platforms, p.Referrers) }

// Others are the artifacts that are pushed together with the one that a Plan describes.
type Others struct {
	Referrers []*Plan // packed, pushed, and attached together with this artifact
	Parts     []Part  // pushed before it: the members of a collection whose versions do not exist yet, and the description of the repository
}

// Part is an artifact that is pushed to other repositories.
type Part struct {
	Repositories []string // relative to the repository of the Plan: the name of the part, and its former names; if empty, that repository itself
	Plan         *Plan
}

// Remarks holds notes and warnings about a plan for users.
type Remarks struct {
	Notes    []string // decisions that the declaration did not make: the kind, a role
	Warnings []string // content that may surprise users of the artifact, such as a secret in an env file
	// LeftOut lists files that are not packed: because the declaration or .davitignore excludes them, or because the native client of the
	// kind does not pack them, such as hidden files of a model. A directory ends in a slash and means everything in it.
	LeftOut []string
}

// Layer is one layer of a Plan: which files become the blob, and how.
type Layer struct {
	Path    string   // slash path in the file system of the plan: a file, or a directory when Packing is a tar
	Files   []string // set for a tar of selected files (a glob): their paths; Path is the directory that contains them
	Content []byte   // bytes that Compose made itself; Path and Files are not read then
	Dir     bool     // Path is a directory
	Archive bool     // Path is a tar, whose entries are packed

	Role        string // in the kind; empty where the kind has no roles
	Title       string // name on pull, a clean relative slash path; empty only where a native client needs none
	MediaType   string
	Packing     mediatypes.Packing
	Size        int64             // of a raw file or of Content in bytes; -1 for a tar
	Annotations map[string]string // besides the title
	Entries
}

// Entries describes how the entries of a tar layer are written.
type Entries struct {
	Prefix   string // before the name of every entry
	Exclude  Filter // leaves paths of a directory out; nil keeps all
	Preserve bool   // keep modes, owners, times, and extended attributes
	Split    bool   // make several layers, cut at boundaries that depend on the content
	Follow   bool   // pack links as the files that they point to
	Image    bool   // the layer belongs to an image, where a name that begins with ".wh." marks a deleted file
	File     bool   // clients read the tar as a file: it is not unpacked on pull
	Unpack   bool   // oras can unpack the layer, a tar+gzip with all entries below the title; pack adds the annotation for that

	Replaced map[string][]byte // contents of files that Compose changed, by path; the files are not read then
}

// Filter reports whether a slash path, relative to the directory of a layer, is left out.
type Filter func(path string, dir bool) bool

// Packed is a layer whose blob is known.
type Packed struct {
	Layer
	Descriptor ocispec.Descriptor
	DiffID     digest.Digest // of the uncompressed bytes; the descriptor's digest where nothing is compressed
	Info       fs.FileInfo   // of a raw file; nil otherwise
}

// Finished holds the values that a kind derives from its packed layers.
type Finished struct {
	Config      []byte            // the config blob
	Annotations map[string]string // more annotations of the manifest
	Entry       map[string]string // annotations of the manifest's descriptor in an index
	// Attached returns the annotations that the manifest gets if it has a subject, in place of those with the same keys;
	// listings of referrers show them. It may be nil.
	Attached func() map[string]string
}
