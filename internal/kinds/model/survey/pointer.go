package survey

import (
	"bytes"
	"io/fs"

	"github.com/davit-oci/davit/internal/tree"
)

// maxPointer is the size of a pointer of Git LFS, which has less (git-lfs docs/spec.md).
const maxPointer = 1024

// pointerStarts lists the first lines of pointers of Git LFS; the second is that of its first versions.
var pointerStarts = [][]byte{[]byte("version https://git-lfs.github.com/spec/"), []byte("version https://hawser.github.com/spec/")}

// isPointer reports whether a file is a pointer of Git LFS.
func isPointer(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() >= maxPointer {
		return false
	}
	head, err := tree.ReadStart(fsys, name, maxPointer)
	return err == nil && (bytes.HasPrefix(head, pointerStarts[0]) || bytes.HasPrefix(head, pointerStarts[1]))
}

// isPage reports whether a file is a page in HTML, which some sites send instead of a file to those who may not have it.
func isPage(fsys fs.FS, name string) bool {
	head, err := tree.ReadStart(fsys, name, 64)
	head = bytes.ToLower(bytes.TrimSpace(head))
	return err == nil && (bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")))
}
