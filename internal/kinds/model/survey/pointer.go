package survey

import (
	"bytes"
	"io/fs"
	"path"

	"github.com/davit-oci/davit/internal/tree"
)

// maxPointer is more than a pointer has: less than 1 KiB in Git LFS (docs/spec.md), one line of git-annex with a key.
const maxPointer = 4096

// pointers are the beginnings of files that stand for other ones in a checkout, and the commands that fetch these.
var pointers = []struct{ begin, of, command string }{
	{"version https://git-lfs.github.com/spec/", "Git LFS", "git lfs pull"},
	{"version https://hawser.github.com/spec/", "Git LFS", "git lfs pull"}, // its first versions
	{"/annex/objects/", "git-annex", "git annex get "},
	{"# xet version ", "Git-Xet", "git xet checkout "},
}

// pointerFault returns the fault of a file that is a pointer.
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
		if !bytes.HasPrefix(head, []byte(p.begin)) || bytes.IndexByte(head, 0) >= 0 {
			continue
		}
		command := p.command
		if command[len(command)-1] == ' ' {
			command += path.Base(name)
		}
		return &Fault{name, "is a pointer of " + p.of + ", not the file itself", command}
	}
	return nil
}

// isPage reports whether a file is a page in HTML, which some sites send instead of a file to those who may not have it.
func isPage(fsys fs.FS, name string) bool {
	head, err := tree.ReadStart(fsys, name, 64)
	head = bytes.ToLower(bytes.TrimSpace(head))
	return err == nil && (bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")))
}
