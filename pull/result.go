package pull

import (
	"io/fs"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Result describes a finished pull. Its JSON is for scripts.
type Result struct {
	spec.Described
	Kind        string               `json:"kind"`
	Platform    *ocispec.Platform    `json:"platform,omitempty"`
	Config      *ocispec.Descriptor  `json:"config,omitempty"`
	Layers      []ocispec.Descriptor `json:"layers,omitempty"`
	Annotations map[string]string    `json:"annotations,omitempty"`
	Subject     *ocispec.Descriptor  `json:"subject,omitempty"`
	Files       []File               `json:"files"` // files of the artifact in the destination
	FileCount   int                  `json:"-"`     // number of files, even if Files does not name all
	FileSize    int64                `json:"-"`     // total size of the files in bytes
	Leftovers
	Attached
	Skipped bool `json:"skipped"` // everything was up to date, and nothing was fetched
}

// Leftovers are files that earlier pulls placed and that are no longer in the artifact.
type Leftovers struct {
	Removed []string `json:"removed,omitempty"`
	Kept    []string `json:"kept,omitempty"` // not removed, because they were changed
	Left    []string `json:"left,omitempty"` // not removed, because Options.Delete is not set
}

// Attached lists the referrers of an artifact that a pull with Options.Referrers found.
type Attached struct {
	Referrers []*Result            `json:"referrers,omitempty"` // referrers with files, which were pulled
	Gone      []ocispec.Descriptor `json:"gone,omitempty"`      // referrers that the source lists but does not have
}

// File is one file of an artifact.
type File struct {
	Path   string        `json:"path"`
	Size   int64         `json:"size"`
	Mode   Mode          `json:"mode"`
	Link   string        `json:"link,omitempty"` // target of a symbolic or hard link; Stored is an absolute one as in the image
	Stored string        `json:"absoluteLink,omitempty"`
	Digest digest.Digest `json:"digest,omitempty"` // of its content, if known
	Layer  digest.Digest `json:"layer"`            // the blob that contains it
}

// Mode is a file's type and permissions, formatted as by ls.
type Mode fs.FileMode

// MarshalText returns the mode as in "-rw-r--r--".
func (m Mode) MarshalText() ([]byte, error) { return []byte(fs.FileMode(m).String()), nil }

// newResult returns the result for a manifest.
func newResult(m *fetch.Manifest) *Result {
	return &Result{
		Described: m.Described(), Kind: m.Kind().Name, Config: m.OwnConfig(), Layers: m.Layers, Annotations: m.Annotations, Subject: m.Subject,
	}
}
