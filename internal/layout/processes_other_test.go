//go:build !unix

package layout

import (
	"context"
	"errors"
)

func childTooMuch(context.Context, string, []string) error { return errors.ErrUnsupported }

// childDenied is for the test of permissions, which needs users.
func childDenied(context.Context, string, []string) error { return errors.ErrUnsupported }
