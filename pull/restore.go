package pull

import (
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive/sysfile"
	"github.com/davit-oci/davit/internal/record"
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
		if uid, gid, ok := record.Owner(d.Info); ok && os.Geteuid() == 0 {
			if err := p.dst.Chown(d.Path, uid, gid); err != nil {
				return &artifact.Error{Op: "restoring", Item: d.Path, Err: place.Bare(err)}
			}
		}
		if err := p.restoreXattrs(d); err != nil {
			return &artifact.Error{Op: "restoring", Item: d.Path, Err: place.Bare(err)}
		}
		if err := p.dst.Chmod(d.Path, d.Info.Mode()); err != nil {
			return &artifact.Error{Op: "restoring", Item: d.Path, Err: place.Bare(err)}
		}
		if err := p.dst.Chtimes(d.Path, d.Info.ModTime(), d.Info.ModTime()); err != nil {
			return &artifact.Error{Op: "restoring", Item: d.Path, Err: place.Bare(err)}
		}
	}
	return nil
}

func (p *placement) restoreXattrs(d place.DirInfo) error {
	if len(d.Attrs) == 0 {
		return nil
	}
	f, err := p.dst.Open(d.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = sysfile.SetXattrs(f, d.Attrs) // ignores attributes that the user or the file system does not permit
	return err
}
