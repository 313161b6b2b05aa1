//go:build !unix

package registry

import (
	"context"
	"errors"
)

func childTooMuch(context.Context, string, []string) error { return errors.ErrUnsupported }
