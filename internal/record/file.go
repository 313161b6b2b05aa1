package record

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/davit-oci/davit/internal/fileid"
)

const (
	// fileSuffix ends the names of state files.
	fileSuffix = ".json"
	// sweepEvery is the interval at which records of removed directories are searched for, and keepGone the time for which
	// they are kept: the directory may be on a disk that is not mounted at the moment.
	sweepEvery = 24 * time.Hour
	keepGone   = 90 * 24 * time.Hour
	// maxImport bounds the size of an untrusted record.
	maxImport = 32 << 20
)

// ErrNotPrivate means that other users may write the directory for records, so that nothing in it can be trusted.
var ErrNotPrivate = errors.New("not a directory that only this user can write to")

// File returns the path of the state file for the destination dst in the directory for records, which it creates. The file
// belongs to the directory itself, not to its name: a moved directory keeps its records, and a new directory with the old name
// has none.
func File(records string, dst *os.Root) (string, error) {
	if err := os.MkdirAll(records, 0o700); err != nil {
		return "", err
	}
	info, err := os.Stat(records)
	if err != nil {
		return "", err
	}
	if !IsPrivate(info) {
		return "", &fs.PathError{Op: "using", Path: records, Err: ErrNotPrivate}
	}
	if err := isWritable(records); err != nil {
		return "", &fs.PathError{Op: "writing to", Path: records, Err: err}
	}
	sweep(records)
	name, err := nameOf(dst)
	if err != nil {
		return "", err
	}
	return filepath.Join(records, name+fileSuffix), nil
}

// nameOf returns a unique name for a directory: its inode with the time of its creation or, where the file system
// does not know that, its device, and where files have no inodes, its path.
func nameOf(dst *os.Root) (string, error) {
	f, err := dst.Open(".")
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if id, ok := fileid.Of(info); ok {
		if born := fileid.Born(f); born != 0 {
			return strconv.FormatUint(id.Inode, 16) + "-" + strconv.FormatInt(born, 16), nil
		}
		return strconv.FormatUint(id.Inode, 16) + "-dev-" + strconv.FormatUint(id.Dev, 16), nil
	}
	path, err := filepath.Abs(dst.Name())
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(path))
	return "path-" + hex.EncodeToString(sum[:]), nil
}

// Find returns the state of a directory that was pulled into, without records if the directory for records has none.
func Find(records string, dst *os.Root) (*State, error) {
	name, err := nameOf(dst)
	if err != nil {
		return nil, err
	}
	return ReadState(filepath.Join(records, name+fileSuffix)), nil
}

// Import reads a state file of an earlier version, which any user may have written, into the new state file at path, if that
// does not exist. All its records are hints. The destination is at dir.
func Import(old, path, dir string) error {
	records, err := readOld(old)
	if err != nil || len(records) == 0 {
		return err
	}
	return (&State{Path: path}).edit(dir, false, func(now []*Record) []*Record {
		if len(now) > 0 {
			return now // another pull imported the file or wrote records first
		}
		return records
	})
}

// RemoveOld removes a state file that was imported. A failure is ignored, because the file does no harm.
func RemoveOld(old string) {
	info, err := os.Lstat(old)
	if err != nil {
		return
	}
	if uid, _, ok := Owner(info); ok && uid != os.Geteuid() {
		return // of another user
	}
	if _, err := readOld(old); err == nil {
		_ = os.Remove(old)
	}
}

func readOld(path string) ([]*Record, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxImport {
		return nil, fmt.Errorf("%s: %w", path, errors.ErrUnsupported)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(io.LimitReader(f, maxImport), stateBuffer)
	first, err := lines.Peek(len(oldMagic))
	if err != nil || string(first) != oldMagic {
		return nil, fmt.Errorf("%s: %w", path, errors.ErrUnsupported)
	}
	records, err := readRecords(lines, oldVersion)
	for _, r := range records {
		r.Hint, r.Synced, r.Boot = true, false, ""
	}
	return records, err
}

// oldMagic begins records of version 2.
const oldMagic = `{"davit":2,`

// sweep removes the records of directories that no longer exist. The time of a marker file is that of the last sweep.
func sweep(records string) {
	mark := filepath.Join(records, "swept")
	if info, err := os.Stat(mark); err == nil && time.Since(info.ModTime()) < sweepEvery {
		return
	}
	if os.WriteFile(mark, nil, 0o600) != nil || os.Chtimes(mark, time.Time{}, time.Now()) != nil {
		return
	}
	entries, err := os.ReadDir(records)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || filepath.Ext(e.Name()) != fileSuffix || time.Since(info.ModTime()) < keepGone {
			continue
		}
		if path := filepath.Join(records, e.Name()); isGone(path, e.Name()) {
			_ = os.Remove(path) // if not, the next sweep tries again
		}
	}
}

// isGone reports whether the directory of a state file was moved, removed, or replaced by another one.
func isGone(path, name string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	h, err := readHeader(bufio.NewReaderSize(f, 4<<10))
	if err != nil || h.Version != stateVersion {
		return true
	}
	dir, err := os.OpenRoot(h.Dir)
	if err != nil {
		return true
	}
	defer dir.Close()
	now, err := nameOf(dir)
	return err == nil && now+fileSuffix != name
}
