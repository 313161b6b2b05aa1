//go:build !linux

package archive

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// What only Linux can keep is left out elsewhere: owners, extended attributes, holes, and times of links. Preserve is
// refused there rather than half done.

const noPolling = 0

type fileID struct{ dev, ino uint64 }

func idOf(fs.FileInfo) fileID { return fileID{} }

func changeTime(fs.FileInfo) int64 { return 0 }

func links(fs.FileInfo) uint64 { return 1 }

func owner(fs.FileInfo) (uid, gid int) { return 0, 0 }

func dataExtents(*os.File, fs.FileInfo) ([]extent, error) { return nil, nil }

func readXattrs(systemFile) (map[string]string, error) { return nil, errors.ErrUnsupported }

func writeXattrs(*os.File, map[string]string) ([]string, error) { return nil, errors.ErrUnsupported }

func setTimes(*os.File, time.Time) error { return errors.ErrUnsupported }

func setLinkTimes(*os.File, string, time.Time) error { return errors.ErrUnsupported }
