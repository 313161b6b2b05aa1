package fetch

import (
	"os"

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
		record.ImportOld(records, path, dst.Name())
	}
	return path, err
}
