//go:build !unix

package layout

import (
	"context"
	"errors"
)

// childFullDisk is for the test of a full disk, which needs resource limits.
func childFullDisk(context.Context, string, []string) error { return errors.ErrUnsupported }

// childDenied is for the test of permissions, which needs several users.
func childDenied(context.Context, string, []string) error { return errors.ErrUnsupported }
