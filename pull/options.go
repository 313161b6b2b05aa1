package pull

import (
	"encoding/json"
	"io/fs"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Options say what is pulled and how it is placed. The zero value is good.
type Options struct {
	// Platform chooses from an index. nil: the running one.
	Platform *ocispec.Platform
	// Include keeps files whose path matches one of these patterns (doublestar; one without a slash matches base
	// names; a directory stands for everything in it). Empty: all.
	Include []string
	// Roles keeps layers of these roles of the kind. Empty: all.
	Roles []string
	// NoUnpack leaves tar layers as they are. A volume is then one plain tar of all that is in it.
	NoUnpack bool
	// Preserve restores owners, modes, times and xattrs of an artifact that was packed with them.
	Preserve bool
	// Force overwrites files that were changed, or made by another program.
	Force bool
	// Delete removes files of the last pull from the same origin that left the artifact.
	Delete bool
	// NoSync returns before what was placed is on the disk, which is faster. Power loss may then cost it, and the next
	// pull after the machine restarted compares contents instead of trusting the record of this one.
	NoSync bool
	// Referrers pulls what refers to the artifact too, each into a directory "referrers/KIND-DIGEST" of its own.
	Referrers bool
	// Limits bound what an unpacked artifact may take. The zero value stands for documented defaults.
	Limits Limits
	// Origin names where the artifact comes from, whatever its version ("registry/repository"), so that the next pull
	// knows its own files from those of another artifact in the same directory.
	Origin string
	// State is the file that remembers what was placed, so that the next pull tells its own files from those that somebody
	// else made, and need not hash them. It is written in a directory that exists and belongs to this destination alone.
	// "": nothing is remembered.
	State string
	// MaxListed is how many files the result names, which takes memory where there are a million. 0: all of them, those
	// in tar layers with their digests, which a pull does not need otherwise.
	MaxListed int
	// Concurrency is how many blobs are fetched at once. 0: eight.
	Concurrency int
	// Progress is told every step. nil: no reports.
	Progress artifact.Progress
	// Digests remembers what files hashed to. nil: existing files are hashed when in doubt.
	Digests Digests
}

// Limits bound what unpacking may take. A zero field stands for the default of internal/archive.
type Limits struct {
	MaxSize  int64 // bytes of all unpacked files
	MaxFiles int64 // entries
	MaxRatio int64 // unpacked bytes for each packed one
}

// Digests remembers the digests of files by what the file system says about them.
type Digests interface {
	Lookup(info fs.FileInfo) (digest.Digest, bool)
	Store(info fs.FileInfo, d digest.Digest)
}

func (o Options) concurrency() int {
	if o.Concurrency > 0 {
		return o.Concurrency
	}
	return fetch.DefaultConcurrency
}

func (o Options) report(e artifact.Event) {
	if o.Progress != nil {
		o.Progress.Report(e)
	}
}

// settings name the options that decide what a pull places.
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

// selection says which files of an artifact the options mean.
func (o Options) selection() fetch.Selection {
	return fetch.Selection{Include: o.Include, Roles: o.Roles, NoUnpack: o.NoUnpack}
}

// archive are the limits as the readers of archives take them.
func (l Limits) archive() archive.Limits {
	return archive.Limits{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles, MaxRatio: l.MaxRatio}
}
