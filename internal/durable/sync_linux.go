package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem syncs the file system of root, and reports whether the system has a call for it.
func syncFileSystem(root *os.Root) (bool, error) {
	f, err := root.Open(".")
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Syncfs(int(f.Fd()))
	return !errors.Is(err, unix.ENOSYS), ignoreUnsupported(err)
}

// ignoreUnsupported drops the errors of file systems that cannot sync, such as those in memory and some on a network.
func ignoreUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}
