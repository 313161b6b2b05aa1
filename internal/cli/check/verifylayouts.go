package check

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/term"
)

// layoutsResult is the result of verify for a directory of layouts.
type layoutsResult struct {
	Directory string          `json:"directory"`
	Layouts   []*verifyResult `json:"layouts"`
}

// verifyLayouts verifies the layouts below a directory. It continues after a layout that cannot be read.
func verifyLayouts(ctx context.Context, a *app.App, dir string, layouts []places.Repository, opts verifyOptions) error {
	total := &layoutsResult{Directory: dir, Layouts: []*verifyResult{}}
	var first error
	failed := 0
	for _, one := range layouts {
		report, err := verifyTarget(ctx, a, one.Ref, opts)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			a.Warn("%v", err)
		} else {
			total.Layouts = append(total.Layouts, report)
			err = report.faultError(opts)
		}
		if err != nil {
			failed++
			first = cmp.Or(first, err)
		}
	}
	if err := a.Print(total); err != nil || failed == 0 {
		return err
	}
	return fmt.Errorf("%d of %s have faults: %w", failed, term.Plural(len(layouts), "layout"), first)
}

// WriteText prints the report of each layout.
func (r *layoutsResult) WriteText(w io.Writer) error {
	for _, one := range r.Layouts {
		if err := one.WriteText(w); err != nil {
			return err
		}
	}
	return nil
}
