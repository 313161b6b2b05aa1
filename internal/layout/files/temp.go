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

// Stale is the age at which a temporary file counts as abandoned where locks can't show it: longer than any transfer.
const Stale = 24 * time.Hour

// CreateTemp creates a file in a directory of root. It is locked while it is open, so that SweepTemps of another
// process knows that it is in use.
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

// SweepTemps removes the temporary files of processes that have ended. Errors are not reported: remaining files are
// removed later.
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

// sweepTemp removes a temporary file if no process uses it: it is from this machine, whose locks are visible, and
// unlocked; or it is old.
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

// LocalHost returns a short name of this machine, for use in file names.
func LocalHost() string {
	name, err := os.Hostname()
	if err != nil {
		name = "?"
	}
	return fmt.Sprintf("%.8s", filelock.Key(name))
}

// OrSilent returns a report function for one that may be nil.
func OrSilent(report func(int64)) func(int64) {
	if report == nil {
		return func(int64) {}
	}
	return report
}

// IsWhole reports whether a file has all bytes of a blob: a completed fetch leaves no journal.
func IsWhole(ctx context.Context, root *os.Root, name string, f *os.File, desc ocispec.Descriptor) bool {
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

// PartPrefix begins the names of blobs that FetchBlob has not finished.
const PartPrefix = "part-"

// OpenRegular opens a regular file for reading, and refuses any other type of file.
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

// inPlace is the time that another tool may need to write a small file that it has truncated.
const inPlace = 500 * time.Millisecond

// Reread reads a small file of a layout. While that fails and the file was changed just now, it is read again: other tools write
// manifests and index.json in place. Read returns when the file was changed, or zero if it does not exist.
func Reread(ctx context.Context, read func() (changed time.Time, err error)) error {
	for {
		changed, err := read()
		if since := time.Since(changed); err == nil || since < 0 || since > inPlace || pause.For(ctx, inPlace/25) != nil {
			return err
		}
	}
}

// OpenPart opens and locks a file that a blob is fetched into. errdef.ErrUnsupported: another process has it, or the
// file system does not support locks.
func OpenPart(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, InRoot(root, err)
	}
	locked := filelock.TryFile(f)
	now, err := root.Stat(name)
	own, ownErr := f.Stat()
	if !locked || err != nil || ownErr != nil || !os.SameFile(now, own) { // another process has just finished it
		_ = f.Close()
		return nil, errdef.ErrUnsupported
	}
	return f, nil
}

// TempDir is where a layout keeps files that are being written. It exists only while there are any.
const TempDir = ".davit"

// InRoot completes the paths in an error of root's methods, which name files as seen from root. An error about a temporary file is one
// about the layout: users do not know the others.
func InRoot(root *os.Root, err error) error {
	if err == nil {
		return nil
	}
	complete := func(p *string) {
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
		complete(&pathErr.Path)
	}
	if errors.As(err, &linkErr) {
		complete(&linkErr.Old)
		complete(&linkErr.New)
	}
	return err
}

// JournalSuffix names the journal that a download keeps beside its file, until the file is complete.
const JournalSuffix = ".state"
