package inspect

import (
	"context"
	"io"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/fetch/header"
	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/format/tensor"
)

// Tensor describes one tensor of a model weights file.
type Tensor = tensor.Tensor

// maxTensors limits the tensors of one manifest: the largest models have about 100,000.
const maxTensors = 1 << 20

// readTensors reads the headers of all weights files among the layers. It fetches them as ranges, without the tensor data,
// and verifies nothing.
func (in *inspector) readTensors(ctx context.Context, layers []Layer) error {
	ranger, ok := in.src.(fetch.Ranger)
	if !ok {
		return nil
	}
	total := 0
	for i := range layers {
		l := &layers[i]
		visit := func(t tensor.Tensor) {
			if total++; total <= maxTensors {
				l.Tensors = append(l.Tensors, t)
			}
		}
		err := header.Each(header.NewBlob(ctx, ranger, l.Descriptor), l.Name, func(name string, r io.ReaderAt, size int64) error {
			return readTensors(r, size, weightsName(name, l.MediaType), visit)
		})
		if err != nil {
			return &artifact.Error{Op: "reading the header of", Item: fetch.Titled(l.Descriptor), Err: err}
		}
	}
	if total > maxTensors {
		return artifact.Refused(fetch.Titled(layers[0].Descriptor), "too many tensors: limit is %d", maxTensors)
	}
	return nil
}

// weightsName adds the extension for the media type to the name of a weights file that lacks one. ".gguf?" means that the
// file may be GGUF.
func weightsName(name, mediaType string) string {
	switch {
	case strings.HasSuffix(name, ".gguf") || strings.HasSuffix(name, ".safetensors"):
		return name
	case strings.Contains(mediaType, "gguf") || strings.HasSuffix(mediaType, "mmproj"):
		return name + ".gguf"
	case strings.Contains(mediaType, "safetensors"):
		return name + ".safetensors"
	case path.Ext(name) == "" && strings.Contains(mediaType, ".weight."):
		return name + ".gguf?"
	}
	return name
}

// readTensors reads the header of a file with the extension of GGUF or safetensors. It ignores other files. For ".gguf?", it
// first checks that the file is GGUF.
func readTensors(r io.ReaderAt, size int64, name string, visit func(tensor.Tensor)) error {
	var err error
	switch ext := path.Ext(name); {
	case ext == ".gguf" || ext == ".gguf?" && isGGUF(r):
		_, err = gguf.Visit(r, size, visit)
	case ext == ".safetensors":
		_, err = safetensors.Visit(r, size, visit)
	}
	return err
}

// isGGUF reports whether a file begins with the GGUF magic number.
func isGGUF(r io.ReaderAt) bool {
	var head [4]byte
	_, err := r.ReadAt(head[:], 0)
	return err == nil && string(head[:]) == "GGUF" // an error is reported when more is read
}
