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

// Tensor describes one tensor of a file of model weights.
type Tensor = tensor.Tensor

// maxTensors limits the tensors of all layers of an Info: the largest models have some 100,000.
const maxTensors = 1 << 20

// readTensors reads the headers of all weights among the layers, in ranges: the tensors themselves are not fetched, and nothing
// is verified.
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
		return artifact.Refused(fetch.Titled(layers[0].Descriptor), "too many tensors: the limit is %d", maxTensors)
	}
	return nil
}

// weightsName adds an extension for the media type to the name of a file without one. ".gguf?" means that the file may be GGUF.
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

// readTensors reads the header of a GGUF or safetensors file, by the extension of its name. For ".gguf?", it first checks that the file
// is GGUF.
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

// isGGUF reports whether a file begins with the magic number of GGUF.
func isGGUF(r io.ReaderAt) bool {
	var head [4]byte
	_, err := r.ReadAt(head[:], 0)
	return err == nil && string(head[:]) == "GGUF" // an error is reported when more is read
}
