package pack

import (
	"context"
	"errors"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// planTags returns the tags of a plan that must move at dst. Tags of a version range move only if no higher version of
// the range exists there.
func planTags(ctx context.Context, dst oras.Target, plan *artifact.Plan) ([]string, error) {
	lister, ok := dst.(registry.TagLister)
	if plan.Cascade == "" || !ok {
		return plan.Tags, nil
	}
	existing, err := fetch.ListTags(ctx, lister)
	if err != nil && !errors.Is(err, errdef.ErrNotFound) {
		return nil, err
	}
	return plan.TagsBeside(existing), nil
}
