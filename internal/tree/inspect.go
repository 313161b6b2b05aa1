package tree

import (
	"errors"
	"io"
	"io/fs"

	"github.com/davit-oci/davit/artifact/spec"
)

// Inspect opens a regular file, calls read with its content and size, and returns the result.
func Inspect[T any](fsys fs.FS, name string, read func(io.ReaderAt, int64) (T, error)) (T, error) {
	var none T
	f, err := openFile(fsys, name)
	if err != nil {
		return none, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return none, err
	}
	at, ok := f.(io.ReaderAt)
	if !ok {
		return none, &spec.Error{Item: name, Err: errors.New("the file system can't read at an offset")}
	}
	v, err := read(at, info.Size())
	if err != nil {
		return none, &spec.Error{Item: name, Err: err}
	}
	return v, nil
}

// MaxSmallFile limits the size, in bytes, of metadata files that are read into memory: they become a config or annotations, which
// a registry accepts up to 4 MiB.
const MaxSmallFile = 4 << 20
