package fetch

import (
	"net/url"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/record"
)

// pullState returns the path of the record for a directory. If there is no directory for records, it prints a note and returns "": the pull
// works without a record, and the next pull compares contents.
func pullState(a *app.App, dst *os.Root) string {
	records, err := app.RecordsDir()
	if err == nil {
		var path string
		if path, err = record.File(records, dst); err == nil {
			importOld(records, path, dst.Name())
			return path
		}
	}
	a.Note("this pull is not recorded: %v", err)
	return ""
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
