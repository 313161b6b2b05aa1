package artifact

import (
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Blob is a source of bytes to be sent: it can be opened again, at any offset, as often as a retry needs.
// A target that can do better than oras's Push takes one whole (see pack.BlobPusher).
type Blob struct {
	MediaType   string
	Annotations map[string]string
	Size        int64         // in bytes; -1: known only after it was read
	Digest      digest.Digest // "": known only after it was read
	// ID names the content's origin so that an interrupted upload can go on in another process: the same ID is the
	// same bytes (path, device, inode, size, mtime and ctime of a file). Empty: it can't.
	ID string
	// Open gives the bytes from offset on. An *os.File is returned as such, so that the kernel can send it. It fails
	// with ErrChanged when the origin is not what it was.
	Open func(offset int64) (io.ReadCloser, error)
}

// Descriptor is the descriptor of a blob whose digest and size are known.
func (b Blob) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size, Annotations: b.Annotations}
}
