//go:build !linux

package sysfile

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/davit-oci/davit/internal/archive"
)

// On other systems, owners, extended attributes, holes, and times of links are not supported. Preserving metadata is refused
// there, because it would lose some of it. The functions are documented in file_linux.go.

const NoPolling = 0

type ID struct{ Dev, Ino uint64 }

func IDOf(fs.FileInfo) ID { return ID{} }

func ChangeTime(fs.FileInfo) int64 { return 0 }

func Links(fs.FileInfo) uint64 { return 1 }

func Owner(fs.FileInfo) (uid, gid int) { return 0, 0 }

func DataExtents(*os.File, fs.FileInfo) ([]archive.Extent, error) { return nil, nil }

func Xattrs(File) (map[string]string, error) { return nil, errors.ErrUnsupported }

func SetXattrs(*os.File, map[string]string) ([]string, error) { return nil, errors.ErrUnsupported }

func LinkXattrs(File, string) (map[string]string, error) { return nil, errors.ErrUnsupported }

func SetLinkXattrs(*os.File, string, map[string]string) ([]string, error) {
	return nil, errors.ErrUnsupported
}

func SetTimes(*os.File, time.Time) error { return errors.ErrUnsupported }

func SetLinkTimes(*os.File, string, time.Time) error { return errors.ErrUnsupported }

func Stored(info fs.FileInfo) int64 { return info.Size() }

func MakePipe(*os.File, string, fs.FileMode) error { return errors.ErrUnsupported }
