package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ReplaceFile writes a file under another name in the same directory, and renames it, so that after a crash the file has either its
// old content or the new one. An existing file keeps the bits of its mode that are in keep; a new one gets mode.
func ReplaceFile(name string, data []byte, mode, keep fs.FileMode) error {
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm() & keep
	}
	temp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // with mode 0600
	var failed *fs.PathError
	if errors.As(err, &failed) { // callers know only the name of the file
		return &fs.PathError{Op: "write", Path: name, Err: failed.Err}
	}
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // no effect after the rename
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Chmod(mode)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), name); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(name))
}
