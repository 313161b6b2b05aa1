package pull

import (
	"encoding/json"
	"io/fs"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Options configure a pull. The zero value is usable.
type Options struct {
	Selection

	// NoUnpack leaves tar layers packed. A volume then becomes one plain tar with all its files.
	NoUnpack bool
	// Preserve restores owners, modes, times, and extended attributes of an artifact that was packed with them.
	Preserve bool
	// Force overwrites files that were changed or that another program created.
	Force bool
	// Delete removes files of the last pull from the same origin that are no longer in the artifact.
	Delete bool
	// NoSync makes the pull return before the placed files are on disk, which is faster. Power loss may then lose them, and
	// the first pull after a restart compares contents instead of trusting this pull's record.
	NoSync bool
	// Referrers also pulls the artifact's referrers, each into its own directory "referrers/KIND-DIGEST".
	Referrers bool
	// Limits bound the resources of an unpacked artifact. The zero value means the defaults of Limits.
	Limits Limits
	// Origin names the source of the artifact, without a version ("registry/repository"). It lets the next pull distinguish
	// its own files from those of another artifact in the same directory.
	Origin string
	// State is the path of the file that remembers placed files. With it, the next pull can distinguish its own files from
	// those of other programs and need not hash them. Its directory must exist, and no other destination may use the file. If
	// State is "", nothing is remembered.
	State string
	// MaxListed limits the files that the result lists; a million of them take much memory. Zero lists all files, including
	// the digests of those in tar layers, which are not computed otherwise.
	MaxListed int
	// Concurrency is the number of blobs that are fetched at once. Zero means eight.
	Concurrency int
	// Progress receives every step, unless nil.
	Progress artifact.Progress
	// Digests remembers the digests of files. If it is nil, existing files are hashed when in doubt.
	Digests Digests
}

// Selection chooses the parts of an artifact to pull. The zero value selects everything, for the platform of this machine.
type Selection struct {
	// Platform selects a manifest from an index. Nil means the platform of this machine.
	Platform *ocispec.Platform
	// Include keeps files whose path matches one of these patterns (doublestar; one without a slash matches base names; a
	// directory selects everything in it). Empty means all.
	Include []string
	// Roles keeps only layers with these roles of the kind. Empty means all.
	Roles []string
}

// Limits bound unpacking. Zero means the default: 1 TiB, 2,000,000 entries, or a ratio of 200 beyond 256 MiB. A negative
// value means no limit.
type Limits struct {
	MaxSize  int64 // bytes of all unpacked files
	MaxFiles int64 // entries
	MaxRatio int64 // unpacked bytes per packed byte
}

// Digests remembers the digests of files, keyed by their metadata in the file system.
type Digests interface {
	Lookup(info fs.FileInfo) (digest.Digest, bool)
	Store(info fs.FileInfo, d digest.Digest)
}

func (o Options) concurrency() int {
	if o.Concurrency > 0 {
		return o.Concurrency
	}
	return concurrency.Default
}

func (o Options) report(e artifact.Event) {
	if o.Progress != nil {
		o.Progress.Report(e)
	}
}

// settings encodes the options that determine which files a pull places.
func (o Options) settings() string {
	platform := ""
	if o.Platform != nil {
		p := *o.Platform
		p.OSVersion = ""
		platform = oci.FormatPlatform(&p) + "/" + o.Platform.OSVersion
	}
	b, err := json.Marshal([]any{platform, o.Include, o.Roles, o.NoUnpack, o.Preserve})
	if err != nil {
		return strings.Join(o.Include, "\n")
	}
	return string(b)
}

// selection returns the part of the options that selects files of an artifact.
func (o Options) selection() fetch.Selection {
	return fetch.Selection{Include: o.Include, Roles: o.Roles, NoUnpack: o.NoUnpack}
}

// archive converts the limits to those of package archive.
func (l Limits) archive() archive.Limits {
	return archive.Limits{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles, MaxRatio: l.MaxRatio}
}
