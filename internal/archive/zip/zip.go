// Package zip converts tars to zip archives. Equal entries result in equal bytes.
package zip

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
)

// level is the level of compression. Another level or release of the compressor changes the bytes.
const level = 6

// epoch is the earliest time that a zip can store.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Convert calls write, which writes a tar, and converts its entries to a zip. Owners and extended attributes are dropped, and
// links are an error. Only empty directories get entries, because some readers reject entries of other directories.
func Convert(w io.Writer, write func(io.Writer) error) error {
	r, pipe := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := write(pipe)
		pipe.CloseWithError(err)
		done <- err
	}()
	err := convert(w, r)
	r.CloseWithError(errStopped)
	if written := <-done; written != nil && !errors.Is(written, errStopped) {
		return written
	}
	return err
}

// errStopped ends the writing of a tar that can't be converted.
var errStopped = errors.New("stopped")

func convert(w io.Writer, r io.Reader) error {
	out := zip.NewWriter(w)
	out.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, level) })
	entries := tar.NewReader(r)
	var dir *tar.Header // the last entry, if it is a directory that may be empty
	for {
		h, err := entries.Next()
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return err
		}
		if dir != nil && (ended || !strings.HasPrefix(h.Name, dir.Name)) {
			if err := writeEntry(out, dir, nil); err != nil {
				return err
			}
		}
		if ended {
			if _, err := io.Copy(io.Discard, r); err != nil {
				return err
			}
			return out.Close()
		}
		if dir = nil; h.Typeflag == tar.TypeDir {
			dir = h
			continue
		}
		if err := writeEntry(out, h, entries); err != nil {
			return err
		}
	}
}

// writeEntry writes one entry.
func writeEntry(out *zip.Writer, h *tar.Header, content io.Reader) error {
	header := &zip.FileHeader{Name: h.Name, Method: zip.Deflate, Modified: epoch}
	if h.ModTime.After(epoch) {
		header.Modified = h.ModTime.UTC()
	}
	header.SetMode(h.FileInfo().Mode())
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
		header.Method = zip.Store
	default:
		return fmt.Errorf("%s: a zip can contain only files and directories", h.Name)
	}
	w, err := out.CreateHeader(header)
	if err == nil && h.Typeflag == tar.TypeReg {
		_, err = io.Copy(w, content)
	}
	return err
}
