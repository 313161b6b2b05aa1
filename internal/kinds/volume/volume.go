package volume

import (
	"bytes"

	"github.com/davit-oci/davit/internal/tree"
)

// isTar recognizes a tar, or a gzip or zstd file, which may hold a tar. The entries are checked when the file is packed.
func isTar(s *tree.Sample) (string, bool) {
	const block, magic = 512, 257
	head := s.Head()
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "begins like gzip", true
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return "begins like zstd", true
	case len(head) < block:
		return "", false
	case bytes.HasPrefix(head[magic:], []byte("ustar")):
		return "begins with the header of a tar", true
	}
	return "is an empty tar", bytes.Equal(head[:block], make([]byte, block))
}
