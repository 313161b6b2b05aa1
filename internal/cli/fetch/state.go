package fetch

import (
	"net/url"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/record"
)

// pullState returns the file that records pulls into a directory.
func pullState(dst *os.Root) (string, error) {
	records, err := app.RecordsDir()
	if err != nil {
		return "", err
	}
	path, err := record.File(records, dst)
	if err == nil {
		importOld(records, path, dst.Name())
	}
	return path, err
}

// importOld imports a record from an earlier version of davit: beside the directory or, for the working directory, among the records.
func importOld(records, path, dir string) {
	for _, old := range oldRecords(records, dir) {
		if record.Import(old, path, dir) == nil {
			record.RemoveOld(old)
		}
	}
}

// oldRecords returns the paths at which earlier versions wrote the record for a directory.
func oldRecords(records, dir string) []string {
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
