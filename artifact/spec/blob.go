package spec

import (
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Blob is content to send. It can be opened again, at any offset, as often as a retry needs. A target that implements
// pack.BlobPusher receives a Blob in place of a stream.
type Blob struct {
	MediaType   string
	Annotations map[string]string
	Size        int64         // in bytes; -1 if unknown before the content is read
	Digest      digest.Digest // "" if unknown before the content is read
	// ID identifies the content so that another process can resume an interrupted upload: the same ID means the same bytes
	// (path, device, inode, size, mtime, and ctime of a file). If it is empty, only an upload of
	// a blob whose digest is known before can be resumed.
	ID string
	// Open returns a reader of the bytes from offset. If the content is a file, the result is an *os.File, which the kernel
	// can send. Open fails with ErrChanged if the content has changed.
	Open func(offset int64) (io.ReadCloser, error)
}

// Descriptor returns the descriptor of a blob whose digest and size are known.
func (b Blob) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size, Annotations: b.Annotations}
}
