// Package header reads the beginnings of files in layers with range requests. It verifies nothing.
package header

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxEntries limits the entries of a tar that are read. A tar with model weights usually has only their file and its parent
// directories.
const maxEntries = 64

// Each calls visit for each file of a layer: the layer itself under its name or, for an uncompressed tar, the regular files
// among its first maxEntries entries. For a compressed tar, it calls visit for none.
func Each(blob *Blob, name string, visit func(name string, r io.ReaderAt, size int64) error) error {
	packing := blob.desc.MediaType[strings.LastIndexByte(blob.desc.MediaType, '.')+1:]
	switch {
	case strings.HasPrefix(packing, "tar+"):
		return nil
	case packing != "tar":
		return visit(name, blob, blob.desc.Size)
	}
	section := io.NewSectionReader(blob, 0, blob.desc.Size)
	entries := tar.NewReader(section)
	for range maxEntries {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if entry.Typeflag != tar.TypeReg {
			continue
		}
		if err := visit(entry.Name, io.NewSectionReader(blob, at, entry.Size), entry.Size); err != nil {
			return err
		}
	}
	return nil
}

// NewBlob returns a reader of a source's blob.
func NewBlob(ctx context.Context, src fetch.Ranger, desc ocispec.Descriptor) *Blob {
	return &Blob{ctx: ctx, src: src, desc: desc}
}

// Blob reads a blob at offsets, with one request for many small consecutive reads.
type Blob struct {
	ctx   context.Context
	src   fetch.Ranger
	desc  ocispec.Descriptor
	part  []byte // the part that was requested last
	begin int64  // offset of the part
}

// The minimum and maximum number of bytes of a request. A header is up to about 20 MiB long, most of it a vocabulary.
const (
	leastPart = 256 << 10
	mostPart  = 4 << 20
)

// ReadAt implements io.ReaderAt. It reads from the part that was requested last, or requests the next one.
func (r *Blob) ReadAt(p []byte, offset int64) (int, error) {
	done := 0
	for done < len(p) {
		at := offset + int64(done)
		if at >= r.desc.Size {
			return done, io.EOF
		}
		if at < r.begin || at >= r.begin+int64(len(r.part)) {
			if err := r.request(at); err != nil {
				return done, err
			}
		}
		done += copy(p[done:], r.part[at-r.begin:])
	}
	return done, nil
}

// request fetches the part at an offset. A part that follows the last one is twice as long.
func (r *Blob) request(at int64) error {
	length := int64(leastPart)
	if r.part != nil && at == r.begin+int64(len(r.part)) {
		length = min(2*int64(len(r.part)), mostPart)
	}
	length = min(length, r.desc.Size-at)
	rc, err := r.src.FetchRange(r.ctx, r.desc, at, length)
	if err != nil {
		return err
	}
	defer rc.Close()
	var part bytes.Buffer
	if _, err := io.CopyN(&part, rc, length); err != nil {
		return err
	}
	r.part, r.begin = part.Bytes(), at
	return nil
}
