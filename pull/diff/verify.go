package diff

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/listing"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
)

// Verified is the result of Verify. Its JSON is for scripts.
type Verified struct {
	Digest digest.Digest `json:"digest,omitempty"` // of the manifest
	Files  int           `json:"files"`            // number of files that were compared
	Faults []FileFault   `json:"faults"`
}

// FileFault is a file that differs from the one in the artifact.
type FileFault struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
}

// Verify compares the content of an artifact's files with that of the files in a directory. If isWanted is not nil, it compares only
// the files that isWanted chooses. In contrast to Directory, it ignores modes, and files that the artifact does not have.
//
// Verify fails with errdef.ErrNotFound if the source does not have the reference, or the index the platform, and with
// artifact.ErrRefused if the content of the artifact is unsafe or damaged. A file that can't be read is an *artifact.Error.
func Verify(ctx context.Context, dir *os.Root, want Side, isWanted func(name string) bool) (*Verified, error) {
	m, err := fetch.Resolve(ctx, want.Source, want.Ref)
	if err != nil {
		return nil, err
	}
	if m, _, err = fetch.Choose(ctx, want.Source, m, want.Platform); err != nil {
		return nil, err
	}
	listed, _, err := listing.Files(ctx, want.Source, m, listing.Options{Digests: true})
	if err != nil {
		return nil, err
	}
	wanted := listed[:0]
	for _, f := range listed {
		if isWanted == nil || isWanted(f.Path) {
			wanted = append(wanted, f)
		}
	}
	v, err := VerifyFiles(ctx, dir, wanted)
	if err != nil {
		return nil, err
	}
	v.Digest = m.Desc.Digest
	return v, nil
}

// VerifyFiles compares files in a directory with a list, such as the files of an earlier pull's result, as Verify does. It compares only
// the types and sizes of files without a digest. A file that can't be read is an *artifact.Error.
func VerifyFiles(ctx context.Context, dir *os.Root, want []pull.File) (*Verified, error) {
	v := &Verified{Files: len(want), Faults: []FileFault{}}
	for _, f := range want {
		problem, err := findFault(ctx, dir, f)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, &artifact.Error{Op: "reading", Item: f.Path, Err: err}
		}
		if problem != "" {
			v.Faults = append(v.Faults, FileFault{f.Path, problem})
		}
	}
	return v, nil
}

// isSameLink reports whether a link has the target in the artifact. A target that was made relative to the root also matches the
// absolute one, which pull --preserve restores.
func isSameLink(want, got string) bool {
	if want == got {
		return true
	}
	for strings.HasPrefix(want, "../") {
		want = want[len("../"):]
	}
	return strings.HasPrefix(got, "/") && path.Clean(got) == "/"+want
}

// findFault describes how a file in the directory differs from the one in the artifact. It returns "" if they are the same.
func findFault(ctx context.Context, dir *os.Root, want pull.File) (string, error) {
	info, err := dir.Lstat(want.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "missing", nil
	case err != nil:
		return "", err
	}
	if fs.FileMode(want.Mode)&fs.ModeSymlink != 0 {
		link, err := dir.Readlink(want.Path)
		if err != nil || !isSameLink(want.Link, link) {
			return fmt.Sprintf("link mismatch: want %s", want.Link), nil
		}
		return "", nil
	}
	switch {
	case !info.Mode().IsRegular():
		return "not a regular file", nil
	case want.Link == "" && info.Size() != want.Size:
		return fmt.Sprintf("size mismatch: want %d bytes, got %d", want.Size, info.Size()), nil
	case want.Digest == "": // unknown, or that of a hard link, whose target is compared
		return "", nil
	}
	got, err := hashFile(ctx, dir, want.Path, want.Digest.Algorithm())
	if err == nil && got != want.Digest {
		return fmt.Sprintf("digest mismatch: want %s, got %s", want.Digest, got), nil
	}
	return "", err
}
