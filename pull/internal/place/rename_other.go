//go:build !linux && !darwin

package place

import "errors"

// renameNew is not supported on this system.
func renameNew(int, string, int, string) error { return errors.ErrUnsupported }

// exchange is not supported on this system.
func exchange(int, string, int, string) error { return errors.ErrUnsupported }
