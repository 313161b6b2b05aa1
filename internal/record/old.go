package record

import (
	"net/url"
	"path/filepath"
)

// ImportOld imports a record from an earlier version of davit: beside the directory or, for the working directory, among the records.
func ImportOld(records, path, dir string) {
	for _, old := range oldPaths(records, dir) {
		if Import(old, path, dir) == nil {
			RemoveOld(old)
		}
	}
}

// oldPaths returns the paths at which earlier versions wrote the record for a directory.
func oldPaths(records, dir string) []string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	return []string{
		filepath.Join(filepath.Dir(abs), "."+filepath.Base(abs)+".davit.json"),
		filepath.Join(records, url.PathEscape(abs)+".json"),
	}
}
