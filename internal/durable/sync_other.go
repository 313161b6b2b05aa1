//go:build !linux

package durable

import (
	"errors"
	"os"
	"syscall"
)

// syncFileSystem reports false: there is no call here that waits for a whole file system.
func syncFileSystem(*os.Root) (bool, error) { return false, nil }

// ignoreUnsupported drops the errors of file systems that cannot sync, such as those in memory or of some networks.
func ignoreUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}
