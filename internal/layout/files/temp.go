package files

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Stale is the age at which a temporary file is considered abandoned if locks can't show whether it is in use. No transfer takes
// that long.
const Stale = 24 * time.Hour

// CreateTemp creates a temporary file in a directory of root, and returns its path. The file is locked while it is open, so that
// SweepTemps in another process does not remove it.
func CreateTemp(root *os.Root, dir, prefix string) (*os.File, string, error) {
	for try := 0; ; try++ {
		name := path.Join(dir, prefix+LocalHost()+"-"+rand.Text())
		f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return nil, "", err
		}
		locked := filelock.TryFile(f)
		info, err := root.Stat(name) // missing if it was swept before it was locked
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

// SweepTemps removes the temporary files of processes that have ended. It reports no errors, because a later call removes the
// remaining files.
func SweepTemps(root *os.Root, dir, prefix string) {
	d, err := root.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			sweepTemp(root, path.Join(dir, name), strings.HasPrefix(rest, LocalHost()+"-"))
		}
	}
}

// sweepTemp removes a temporary file that no process uses: one that was created on this machine and is not locked, or one that is
// older than Stale. Locks of other machines may be invisible.
func sweepTemp(root *os.Root, name string, local bool) {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	old := time.Since(info.ModTime()) > Stale
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

// LocalHost returns a short name of this machine for file names: a hash of the host name.
func LocalHost() string {
	name, err := os.Hostname()
	if err != nil {
		name = "?"
	}
	return fmt.Sprintf("%.8s", filelock.Key(name))
}

// OrSilent returns report, or a function that does nothing if report is nil.
func OrSilent(report func(int64)) func(int64) {
	if report == nil {
		return func(int64) {}
	}
	return report
}

// IsComplete reports whether a file holds a complete blob, by its size and digest. It returns false if the download still has a
// journal.
func IsComplete(ctx context.Context, root *os.Root, name string, f *os.File, desc ocispec.Descriptor) bool {
	if _, err := root.Lstat(name + JournalSuffix); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if info, err := f.Stat(); err != nil || info.Size() != desc.Size {
		return false
	}
	h := desc.Digest.Algorithm().Hash()
	err := HashExtent(ctx, Extent{f, 0, desc.Size}, h, 0, OrSilent(nil))
	return err == nil && digest.NewDigest(desc.Digest.Algorithm(), h) == desc.Digest
}

// PartPrefix begins the names of files that FetchBlob has not finished.
const PartPrefix = "part-"

// OpenRegular opens a regular file for reading. It fails with artifact.ErrRefused if the file is of another type.
func OpenRegular(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|filelock.OpenNonblock, 0)
	if err != nil {
		if info, lerr := root.Lstat(name); lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = artifact.Refused(name, "it is a link that can't be followed: %w", err)
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = artifact.Refused(f.Name(), "not a regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// rewriteTime is the time that another tool may need to write a small file that it has truncated.
const rewriteTime = 500 * time.Millisecond

// Reread calls read for a small file, and repeats the call while it fails and the file was changed just now, because other tools
// write manifests and index.json in place. read returns the modification time, or the zero time if the file does not exist.
func Reread(ctx context.Context, read func() (changed time.Time, err error)) error {
	for {
		changed, err := read()
		if since := time.Since(changed); err == nil || since < 0 || since > rewriteTime || pause.For(ctx, rewriteTime/25) != nil {
			return err
		}
	}
}

// OpenPart opens and locks a file into which a blob is fetched. It fails with errdef.ErrUnsupported if another process has locked
// the file, or if the file system does not support locks.
func OpenPart(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, InRoot(root, err)
	}
	locked := filelock.TryFile(f)
	now, err := root.Stat(name)
	own, ownErr := f.Stat()
	if !locked || err != nil || ownErr != nil || !os.SameFile(now, own) { // another process is fetching it, or has just finished
		_ = f.Close()
		return nil, errdef.ErrUnsupported
	}
	return f, nil
}

// TempDir is the directory in a layout for files that are being written. It exists only while there are such files.
const TempDir = ".davit"

// InRoot adds the path of root to the paths in an error from one of root's methods. An error for a temporary file becomes an error
// for the layout, because users do not know the temporary files. It returns nil for a nil error.
func InRoot(root *os.Root, err error) error {
	if err == nil {
		return nil
	}
	addRoot := func(p *string) {
		if !strings.HasPrefix(*p, filepath.Clean(root.Name())+string(filepath.Separator)) {
			*p = filepath.Join(root.Name(), *p)
		}
	}
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	if errors.As(err, &pathErr) {
		if first, _, _ := strings.Cut(filepath.ToSlash(pathErr.Path), "/"); first == TempDir {
			return &artifact.Error{Op: "writing to", Item: root.Name(), Err: pathErr.Err}
		}
		addRoot(&pathErr.Path)
	}
	if errors.As(err, &linkErr) {
		addRoot(&linkErr.Old)
		addRoot(&linkErr.New)
	}
	return err
}

// JournalSuffix is the suffix of the journal that a download keeps beside its file until the file is complete.
const JournalSuffix = ".state"
