package layout

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
)

// stale is the age at which a temporary file is nobody's, where locks can't tell: longer than any transfer.
const stale = 24 * time.Hour

// createTemp makes a new file in a directory of root. It is locked as long as it is open, so that sweepTemps of another
// process knows that it is in use.
func createTemp(root *os.Root, dir, prefix string) (*os.File, string, error) {
	for try := 0; ; try++ {
		name := path.Join(dir, prefix+localHost()+"-"+rand.Text())
		f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return nil, "", err
		}
		locked := filelock.TryFile(f)
		info, err := root.Stat(name) // gone if it was swept before it was locked
		if own, ownErr := f.Stat(); err == nil && ownErr == nil && os.SameFile(info, own) && (locked || try > 2) {
			return f, name, nil
		}
		_ = f.Close()
		_ = root.Remove(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", err
		}
	}
}

// sweepTemps removes the temporary files of processes that are gone. Errors are not told: what stays is removed later.
func sweepTemps(root *os.Root, dir, prefix string) {
	d, err := root.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			sweepTemp(root, path.Join(dir, name), strings.HasPrefix(rest, localHost()+"-"))
		}
	}
}

// sweepTemp removes one, if it is nobody's: of this machine, whose locks are known, and unlocked; or old.
func sweepTemp(root *os.Root, name string, local bool) {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	old := time.Since(info.ModTime()) > stale
	if !local && !old {
		return
	}
	f, err := root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if filelock.TryFile(f) || old {
		_ = root.Remove(name)
	}
}

// localHost is a short name of this machine, as part of file names.
func localHost() string {
	name, err := os.Hostname()
	if err != nil {
		name = "?"
	}
	return fmt.Sprintf("%.8s", filelock.Key(name))
}
