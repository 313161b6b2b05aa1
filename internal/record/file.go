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
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/fileid"
)

const (
	// fileSuffix ends the names of state files.
	fileSuffix = ".json"
	// sweepEvery is the interval between searches for records of removed directories. Such records are kept for the time
	// keepGone, because the directory may be on a disk that is not mounted at the moment.
	sweepEvery = 24 * time.Hour
	keepGone   = 90 * 24 * time.Hour
	// maxImport limits the size, in bytes, of a state file that another user may have written.
	maxImport = 32 << 20
)

// ErrNotPrivate means that other users can write to the directory of state files, so its records can't be trusted.
var ErrNotPrivate = errors.New("not a directory that only this user can write to")

// File returns the path of the state file for the destination dst. The argument records is the directory of state files: File
// creates it, and fails with ErrNotPrivate if other users can write to it. The name of a state file identifies the directory dst
// itself, not its path: a moved directory keeps its records, and a new directory at the old path has none.
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

// nameOf returns a unique name for a directory: its inode and creation time, or its inode and device where the file system
// has no creation times, or a hash of its path where files have no inodes.
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

// Find returns the state of the destination dst. It has no records if the directory records has no state file for dst.
func Find(records string, dst *os.Root) (*State, error) {
	name, err := nameOf(dst)
	if err != nil {
		return nil, err
	}
	return ReadState(filepath.Join(records, name+fileSuffix)), nil
}

// Attached returns the records of attachments that were pulled into the destination dst. Their state files, in the directory records, have
// the name of that of dst and a suffix. states are the entries of records.
func Attached(records string, states []fs.DirEntry, dst *os.Root) (all []*Record) {
	name, err := nameOf(dst)
	if err != nil {
		return nil
	}
	for _, e := range states {
		if key, ok := strings.CutPrefix(e.Name(), name+fileSuffix+"."); ok && len(key) == 12 {
			all = append(all, ReadState(filepath.Join(records, e.Name())).All()...)
		}
	}
	return all
}

// Import copies the records of old, a state file of an earlier version, to the state file at path, unless that file already has
// records. All imported records are hints, because any user may have written old. The destination is at dir.
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

// RemoveOld removes an imported state file of this user. It ignores failures, because the file does no harm.
func RemoveOld(old string) {
	info, err := os.Lstat(old)
	if err != nil {
		return
	}
	if uid, _, ok := Owner(info); ok && uid != os.Geteuid() {
		return // another user's file
	}
	if _, err := readOld(old); err == nil {
		_ = os.Remove(old)
	}
}

// readOld reads a state file of an earlier version and marks its records as hints.
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

// oldMagic is the beginning of a state file of version 2.
const oldMagic = `{"davit":2,`

// sweep removes the records of directories that no longer exist. The last sweep was at the modification time of the file
// "swept".
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
			_ = os.Remove(path) // after a failure, the next sweep tries again
		}
	}
}

// isGone reports whether the directory of a state file was moved, removed, or replaced by another one. It returns true if the state
// file is damaged.
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
