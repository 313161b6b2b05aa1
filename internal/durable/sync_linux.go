package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem syncs the whole file system of root, and reports whether the kernel has a call for that.
func syncFileSystem(root *os.Root) (bool, error) {
	f, err := root.Open(".")
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Syncfs(int(f.Fd()))
	return !errors.Is(err, unix.ENOSYS), ignoreUnsupported(err)
}

// ignoreUnsupported drops the errors of file systems that cannot sync, such as those in memory or of some networks.
func ignoreUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}
