package exit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
)

// TemporaryError reports a failure in the directory for temporary files. Its exit code is Local, even if that directory does not exist.
type TemporaryError struct {
	Dir string
	Err error
}

// Error returns the directory and the cause.
func (e *TemporaryError) Error() string {
	return fmt.Sprintf("temporary directory %s: %v", e.Dir, e.Err)
}

// Hint returns what the user can do.
func (e *TemporaryError) Hint() string {
	variable := "TMPDIR"
	if runtime.GOOS == "windows" {
		variable = "TMP"
	}
	return "set " + variable + " to a directory that can be written and has space"
}

// ownTemporary matches the names of davit's files and directories in the directory for temporary files.
var ownTemporary = lazy.Regexp(`^davit-([a-z-]+-)?[0-9]+$`)

// Temporary replaces an error about a temporary file by one about the directory: the generated name of the file does not help the user.
func Temporary(err error) error {
	var failed *fs.PathError
	if !errors.As(err, &failed) {
		return err
	}
	dir := filepath.Clean(os.TempDir())
	name, relErr := filepath.Rel(dir, failed.Path)
	if relErr != nil {
		return err
	}
	first, _, below := strings.Cut(name, string(filepath.Separator))
	isDir := name == "." && failed.Op == "stat" // as os.MkdirTemp reports it
	if !isDir && !ownTemporary().MatchString(first) || below && failed.Op != "write" {
		return err
	}
	return &TemporaryError{Dir: dir, Err: failed.Err}
}
