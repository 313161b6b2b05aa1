package source

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// hubBlobs is the directory to which the links in a snapshot point, relative to the snapshot.
const hubBlobs = "../../blobs"

// TitleOf returns a name for the files in a directory: the name of the directory or, for a snapshot in the Hugging Face cache, the
// name of the model. The directory of a snapshot has the name of a commit.
func TitleOf(dir string) string {
	if real, err := resolveLinks(dir); err == nil && filepath.Base(filepath.Dir(real)) == "snapshots" {
		model := filepath.Base(filepath.Dir(filepath.Dir(real)))
		if at := strings.LastIndex(model, "--"); strings.HasPrefix(model, "models--") && at+2 < len(model) {
			return model[at+2:]
		}
	}
	return filepath.Base(dir)
}

// openHub opens the blobs of a snapshot in the Hugging Face cache: models--ORG--NAME/blobs beside snapshots/REVISION. It
// returns nil for any other directory.
func openHub(dir string) *os.Root {
	real, err := resolveLinks(dir)
	if err != nil || filepath.Base(filepath.Dir(real)) != "snapshots" {
		return nil
	}
	root, err := os.OpenRoot(filepath.Join(filepath.Dir(filepath.Dir(real)), "blobs"))
	if err != nil {
		return nil
	}
	return root
}

// snapshot is the file system of a snapshot. Links to the blobs of its model appear as files; all other links stay links.
type snapshot struct {
	rootFS
	blobs rootFS
}

// findBlob returns the name of the blob that a link points to. It reports false if name is not such a link.
func (s snapshot) findBlob(name string) (string, bool) {
	target, err := s.rootFS.ReadLink(name)
	if err != nil || path.IsAbs(target) {
		return "", false
	}
	blob, ok := strings.CutPrefix(path.Join(path.Dir(name), filepath.ToSlash(target)), hubBlobs+"/")
	if !ok || strings.Contains(blob, "/") {
		return "", false
	}
	info, err := s.blobs.Lstat(blob)
	return blob, err == nil && info.Mode().IsRegular()
}

// Open opens a file. Blobs are opened as files of the snapshot.
func (s snapshot) Open(name string) (fs.File, error) {
	if blob, ok := s.findBlob(name); ok {
		return s.blobs.Open(blob)
	}
	f, err := s.rootFS.Open(name)
	if dir, ok := f.(fs.ReadDirFile); ok && err == nil {
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return snapshotDir{dir, s, name}, nil
		}
	}
	return f, err
}

// Stat describes a file. The description of a blob has the name of the link.
func (s snapshot) Stat(name string) (fs.FileInfo, error) {
	if blob, ok := s.findBlob(name); ok {
		info, err := s.blobs.Stat(blob)
		return namedInfo{info, path.Base(name)}, err
	}
	return s.rootFS.Stat(name)
}

// Lstat describes a file or link; a link to a blob is a file.
func (s snapshot) Lstat(name string) (fs.FileInfo, error) {
	if _, ok := s.findBlob(name); ok {
		return s.Stat(name)
	}
	return s.rootFS.Lstat(name)
}

// ReadLink reads a link; a link to a blob is a file.
func (s snapshot) ReadLink(name string) (string, error) {
	if _, ok := s.findBlob(name); ok {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return s.rootFS.ReadLink(name)
}

// ReadFile reads a whole file.
func (s snapshot) ReadFile(name string) ([]byte, error) {
	if blob, ok := s.findBlob(name); ok {
		return s.blobs.ReadFile(blob)
	}
	return s.rootFS.ReadFile(name)
}

// namedInfo describes a blob by the name of its link.
type namedInfo struct {
	fs.FileInfo
	name string
}

// Name returns the name of the link.
func (i namedInfo) Name() string { return i.name }

// snapshotDir is an open directory of a snapshot.
type snapshotDir struct {
	fs.ReadDirFile
	of   snapshot
	name string
}

// ReadDir lists up to n entries; links to blobs are files.
func (d snapshotDir) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := d.ReadDirFile.ReadDir(n)
	for i, entry := range entries {
		name := path.Join(d.name, entry.Name())
		if entry.Type()&fs.ModeSymlink == 0 {
			continue
		}
		if _, ok := d.of.findBlob(name); !ok {
			continue
		}
		if info, err := d.of.Stat(name); err == nil {
			entries[i] = fs.FileInfoToDirEntry(info)
		}
	}
	return entries, err
}
