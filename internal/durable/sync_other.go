//go:build !linux

package durable

import (
	"errors"
	"os"
	"syscall"
)

// syncFileSystem returns false, because this system has no call that syncs one file system.
func syncFileSystem(*os.Root) (bool, error) { return false, nil }

// ignoreUnsupported drops the errors of file systems that cannot sync, such as those in memory and some on a network.
func ignoreUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}
