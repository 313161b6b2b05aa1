package files

import "io"

// Blob is an opened blob, unverified.
type Blob struct {
	Extent
	*io.SectionReader // the whole blob
	close             func() error
}

// NewBlobFile returns a blob that is a part of a file. close does nothing if the file stays open for others.
func NewBlobFile(e Extent, close func() error) *Blob {
	return &Blob{Extent: e, SectionReader: e.Reader(), close: close}
}

// Close closes the file.
func (b *Blob) Close() error { return b.close() }
