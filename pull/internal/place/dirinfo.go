package place

import (
	"os"

	"github.com/davit-oci/davit/internal/archive/sysfile"
	"github.com/davit-oci/davit/internal/record"
)

// Restore applies the metadata to the directory in dst.
func (d DirInfo) Restore(dst *os.Root) error {
	if uid, gid, ok := record.Owner(d.Info); ok && os.Geteuid() == 0 {
		if err := dst.Chown(d.Path, uid, gid); err != nil {
			return err
		}
	}
	if err := d.restoreXattrs(dst); err != nil {
		return err
	}
	if err := dst.Chmod(d.Path, d.Info.Mode()); err != nil {
		return err
	}
	return dst.Chtimes(d.Path, d.Info.ModTime(), d.Info.ModTime())
}

func (d DirInfo) restoreXattrs(dst *os.Root) error {
	if len(d.Attrs) == 0 {
		return nil
	}
	f, err := dst.Open(d.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = sysfile.SetXattrs(f, d.Attrs) // ignores attributes that the user or the file system does not permit
	return err
}
