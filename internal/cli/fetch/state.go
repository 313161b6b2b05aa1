package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// stateSuffix ends the names of records of pulls.
const stateSuffix = ".json"

// pullState returns the file for the record of a directory: beside it, so that both can be moved or mounted elsewhere. The
// record of the working directory is in the user's state directory, because a file in the parent directory would surprise.
// It returns "" without a place for the file.
func pullState(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	above := filepath.Dir(abs)
	if cwd, err := os.Getwd(); err == nil && !sameFile(abs, cwd) && above != abs {
		return filepath.Join(above, "."+filepath.Base(abs)+".davit"+stateSuffix)
	}
	states := stateDir()
	if states == "" {
		return ""
	}
	states = filepath.Join(states, "pulled")
	if os.MkdirAll(states, 0o700) != nil {
		return ""
	}
	sweepStates(states)
	return filepath.Join(states, stateName(abs))
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// stateDir returns the directory for files that, unlike a cache, must not be lost.
func stateDir() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "davit")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "davit")
}

// stateName returns the path of a directory as a file name; for a long path, its digest.
func stateName(dir string) string {
	const longest = 200 // file systems allow 255 bytes, and names of temporary files are a little longer
	name := url.PathEscape(dir)
	if len(name) > longest {
		sum := sha256.Sum256([]byte(dir))
		name = hex.EncodeToString(sum[:])
	}
	return name + stateSuffix
}

// sweepStates removes the records of directories that no longer exist.
func sweepStates(states string) {
	entries, err := os.ReadDir(states)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir, err := url.PathUnescape(strings.TrimSuffix(e.Name(), stateSuffix))
		if err != nil || !filepath.IsAbs(dir) || !strings.HasSuffix(e.Name(), stateSuffix) {
			continue
		}
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(filepath.Join(states, e.Name())) // the next pull tries again
		}
	}
}
