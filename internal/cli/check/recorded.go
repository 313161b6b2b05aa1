package check

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/diff"
	"github.com/opencontainers/go-digest"
)

// recorded is the record of a pull, to compare a directory with if the artifact can't be read.
type recorded struct {
	record  *record.Record
	dir     *os.Root
	ref     string // the artifact
	records string // directory of the record
}

// unread is an artifact that could not be read, so that its files were compared with the record of their pull.
type unread struct {
	Reference  string `json:"reference"`
	Error      string `json:"error"`
	Undigested int    `json:"undigested,omitempty"` // files without a digest in the record: only their types and sizes were compared
}

// describe returns the note about the artifact.
func (u unread) describe() string {
	only := ""
	if u.Undigested > 0 {
		only = fmt.Sprintf(" (%d by size only)", u.Undigested)
	}
	return fmt.Sprintf("compared the files with the record of their pull%s, because the artifact can't be read: %s", only, u.Error)
}

// compare compares the directory with the record after reading the artifact failed. It returns the failure if no fault is found, but
// the record does not have the digests of all files, or if a signature must be checked.
func (r recorded) compare(ctx context.Context, failure error, hasKey bool) (*directoryResult, error) {
	switch info, err := os.Stat(r.records); {
	case err != nil || r.record.Hint || !record.IsPrivate(info):
		return nil, unreadError{failure, "the record of the pull can't replace the artifact, because other users may have written the record"}
	case hasKey:
		return nil, unreadError{failure, "no signature can be checked; without a key, the files are compared with the record of their pull"}
	}
	files, undigested := r.list()
	found, err := diff.VerifyFiles(ctx, r.dir, files)
	if err != nil {
		return nil, err
	}
	if undigested > 0 && len(found.Faults) == 0 {
		return nil, unreadError{failure, fmt.Sprintf("the record of the pull can't replace the artifact: it has only the sizes of %d of %s, "+
			"which were packed in tars; everything in it matches\nto compare every byte with a copy of the artifact: %s",
			undigested, term.Plural(len(files), "file"), shell.Command("davit", "verify", "COPY", "--dir", r.dir.Name()))}
	}
	return &directoryResult{
		Reference: r.ref, Verified: found, compared: []string{"the record of " + r.ref},
		FromRecord: []unread{{r.ref, failure.Error(), undigested}},
	}, nil
}

// list returns the files of the artifact in the record, and how many have no digest. A hard link has that of the file with its inode.
func (r recorded) list() (files []pull.File, undigested int) {
	digests := make(map[uint64]digest.Digest)
	for i := range r.record.Files.Len() {
		if f := r.record.Files.At(i); f.Inode != 0 && f.Layer >= 0 && f.Digest.Validate() == nil {
			digests[f.Inode] = f.Digest
		}
	}
	for i := range r.record.Files.Len() {
		f := r.record.Files.At(i)
		if f.Layer < 0 {
			continue
		}
		if f.Digest.Validate() != nil { // it has none, or the record was changed
			f.Digest = digests[f.Inode]
		}
		if f.Digest == "" && f.Mode.Type() != fs.ModeSymlink {
			undigested++
		}
		files = append(files, pull.File{Path: f.Path, Size: f.Size, Mode: pull.Mode(f.Mode), Link: f.Link, Digest: f.Digest})
	}
	return files, undigested
}

// unreadError is the error about an artifact that can't be read, with the reason why the record does not replace it.
type unreadError struct {
	error
	reason string
}

// Unwrap returns the cause.
func (e unreadError) Unwrap() error { return e.error }

// Hint returns the hints for the cause, and the reason.
func (e unreadError) Hint() string {
	return strings.Join(append(exit.Hints(e.error), e.reason), "\n")
}
