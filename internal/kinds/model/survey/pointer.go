package survey

import (
	"bytes"
	"io/fs"
	"path"

	"github.com/davit-oci/davit/internal/tree"
)

// maxPointer is larger than any pointer, in bytes. A Git LFS pointer is smaller than 1 KiB (docs/spec.md of Git LFS); a git-annex
// pointer is one line with a key.
const maxPointer = 4096

// pointers are the prefixes of files that stand for large files in a checkout, and the commands that fetch the large files. The
// name of the file is appended to a command that ends in a space.
var pointers = []struct{ prefix, tool, command string }{
	{"version https://git-lfs.github.com/spec/", "Git LFS", "git lfs pull"},
	{"version https://hawser.github.com/spec/", "Git LFS", "git lfs pull"}, // its first versions
	{"/annex/objects/", "git-annex", "git annex get "},
	{"# xet version ", "Git-Xet", "git xet checkout "},
}

// pointerFault returns a fault if a file is a pointer, or nil otherwise.
func pointerFault(fsys fs.FS, name string) *Fault {
	info, err := fs.Stat(fsys, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() >= maxPointer {
		return nil
	}
	head, err := tree.ReadStart(fsys, name, maxPointer)
	if err != nil {
		return nil // reported when it is packed
	}
	for _, p := range pointers {
		if !bytes.HasPrefix(head, []byte(p.prefix)) || bytes.IndexByte(head, 0) >= 0 {
			continue
		}
		command := p.command
		if command[len(command)-1] == ' ' {
			command += path.Base(name)
		}
		return &Fault{name, "is a " + p.tool + " pointer, not the file itself", command}
	}
	return nil
}

// isPage reports whether a file is an HTML page, which some sites send instead of a file if the user is not authorized.
func isPage(fsys fs.FS, name string) bool {
	head, err := tree.ReadStart(fsys, name, 64)
	head = bytes.ToLower(bytes.TrimSpace(head))
	return err == nil && (bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")))
}
