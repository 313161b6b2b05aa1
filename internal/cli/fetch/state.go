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

// stateSuffix ends the names of the files that remember what was pulled.
const stateSuffix = ".json"

// pullState is the file that remembers what was pulled into a directory: beside it, where it goes along when both are
// moved or mounted elsewhere. What was pulled into the working directory is remembered in the user's own state
// directory: nobody expects a file to appear above the place where he works. Empty: there is no place for it.
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

// stateDir is where davit keeps what it should not forget, unlike a cache.
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

// stateName is the path of a directory as a file name; of a long one, its digest.
func stateName(dir string) string {
	const longest = 200 // file systems have names of 255 bytes, and temporary ones are a little longer
	name := url.PathEscape(dir)
	if len(name) > longest {
		sum := sha256.Sum256([]byte(dir))
		name = hex.EncodeToString(sum[:])
	}
	return name + stateSuffix
}

// sweepStates removes what is remembered of directories that are not there any more.
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
