//go:build !linux && !darwin

package place

import "errors"

func renameNew(int, string, int, string) error { return errors.ErrUnsupported }

func exchange(int, string, int, string) error { return errors.ErrUnsupported }
