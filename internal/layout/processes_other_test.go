//go:build !unix

package layout

import (
	"context"
	"errors"
)

func childTooMuch(context.Context, string, []string) error { return errors.ErrUnsupported }
