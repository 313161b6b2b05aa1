package files

import "io"

// Blob is an opened blob, unverified.
type Blob struct {
	Extent
	*io.SectionReader // all of it
	close             func() error
}

func NewBlobFile(e Extent, close func() error) *Blob {
	return &Blob{Extent: e, SectionReader: e.Reader(), close: close}
}

// Close lets the file go.
func (b *Blob) Close() error { return b.close() }
