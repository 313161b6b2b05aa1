package pull

import (
	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pull/internal/place"
)

// restoreDirs applies the artifact's metadata to directories that already existed. It runs last, since placing a file
// changes the times of its directory.
func (p *placement) restoreDirs() error {
	if p.placed == nil {
		return nil
	}
	for _, d := range p.placed.Dirs {
		if !p.dirs()[d.Path] {
			continue
		}
		if err := d.Restore(p.dst); err != nil {
			return &artifact.Error{Op: "restoring", Item: d.Path, Err: place.Bare(err)}
		}
	}
	return nil
}
