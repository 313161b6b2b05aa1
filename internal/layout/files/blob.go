package files

import "io"

// Blob is an opened blob, unverified.
type Blob struct {
	Extent
	*io.SectionReader // the whole blob
	close             func() error
}

// NewBlobFile returns a blob that is a part of a file. close is called by Close; it does nothing if the file is shared.
func NewBlobFile(e Extent, close func() error) *Blob {
	return &Blob{Extent: e, SectionReader: e.Reader(), close: close}
}

// Close closes the file, unless it is shared with other blobs.
func (b *Blob) Close() error { return b.close() }
