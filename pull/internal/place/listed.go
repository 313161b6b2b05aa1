package place

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// NoStage returns the stage of a dry run, which has no files: only PlanListed can plan with it.
func NoStage(dst *os.Root) *Stage { return &Stage{dst: dst} }

// An Entry is a file or directory of an artifact that is not staged.
type Entry struct {
	Path   string
	Size   int64
	Mode   fs.FileMode
	Link   string        // target of a symbolic or hard link
	Digest digest.Digest // of its content; "" if unknown, which differs from any other

	Absolute string // with Preserve, the target of a symbolic link, unless it is empty
}

// PlanListed is like Plan, for files that are listed instead of staged. The times, owners, and extended attributes that Preserve compares
// are not known, and taken to be equal.
func (p *Placer) PlanListed(ctx context.Context, entries []Entry) error {
	byPath := make(map[string]Entry, len(entries))
	for _, e := range entries {
		byPath[e.Path] = e
	}
	planned := map[string]bool{}
	for _, e := range entries {
		at, have, err := LookUp(p.Stage.dst, e.Path)
		if err != nil {
			return err
		}
		isDir := at != e.Path || e.Mode.IsDir()
		if have == nil || planned[at] || isDir && have.IsDir() {
			continue
		}
		planned[at] = true
		err = p.decide(Move{at, have, isDir}, func(name string, have fs.FileInfo) (bool, error) {
			return !isDir && p.equalsListed(ctx, e, byPath[e.Link], have), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// equalsListed reports whether a file in the destination equals the listed one, which may be a hard link to another.
func (p *Placer) equalsListed(ctx context.Context, e, linked Entry, have fs.FileInfo) bool {
	if e.Mode.IsRegular() && e.Link != "" {
		e.Size, e.Mode, e.Digest = linked.Size, linked.Mode, linked.Digest
	}
	if e.Mode.Type() != have.Mode().Type() {
		return false
	}
	if e.Mode.Type() == fs.ModeSymlink {
		target, err := p.Stage.dst.Readlink(e.Path)
		if p.Preserve {
			e.Link = cmp.Or(e.Absolute, e.Link)
		}
		return err == nil && target == e.Link
	}
	return p.hasSameMode(e.Mode, have.Mode()) &&
		e.Digest != "" && fetch.HasBlob(ctx, p.Stage.dst, e.Path, ocispec.Descriptor{Digest: e.Digest, Size: e.Size})
}

// CheckParents refuses a file that is below another one. Both may be in an image: a link, and a file below it in an upper layer. The function
// at returns the name of each of the n files, and whether it is a directory.
func CheckParents(n int, at func(i int) (name string, isDir bool)) error {
	isFile := make(map[string]bool, n)
	for i := range n {
		name, isDir := at(i)
		isFile[name] = !isDir
	}
	for i := range n {
		name, _ := at(i)
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if isFile[dir] {
				return artifact.Refused(name, "%q is not a directory", dir)
			}
		}
	}
	return nil
}

// LookUp returns the file with a name, or the file or link at the name of one of its parent directories. It returns nil if neither
// exists.
func LookUp(dst *os.Root, name string) (string, fs.FileInfo, error) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, err := dst.Lstat(name[:i])
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil, nil
		}
		if err != nil || i == len(name) || !info.IsDir() {
			return name[:i], info, err
		}
	}
	return "", nil, nil
}
