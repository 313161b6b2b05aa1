package inspect

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/format/tensor"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Tensor describes one tensor of a file of model weights.
type Tensor = tensor.Tensor

// maxTensors limits the tensors of all layers of an Info: the largest models have some 100,000.
const maxTensors = 1 << 20

// tensors reads the headers of all weights among the layers, in ranges: the tensors themselves are not fetched, and nothing
// is verified.
func (in *inspector) tensors(ctx context.Context, layers []Layer) error {
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
		if err := readTensors(&ranges{ctx: ctx, src: ranger, desc: l.Descriptor}, l.Name, visit); err != nil {
			return &artifact.Error{Op: "reading the header of", Item: fetch.Titled(l.Descriptor), Err: err}
		}
	}
	if total > maxTensors {
		return artifact.Refused(in.first(layers), "too many tensors: the limit is %d", maxTensors)
	}
	return nil
}

// first names the first layer, for messages about all of them.
func (in *inspector) first(layers []Layer) string { return fetch.Titled(layers[0].Descriptor) }

// readTensors reads the header of a layer that is GGUF or safetensors, by its name, its type, or its beginning.
func readTensors(r *ranges, name string, visit func(tensor.Tensor)) error {
	mediaType := r.desc.MediaType
	var err error
	switch {
	case strings.HasSuffix(name, ".gguf") || strings.Contains(mediaType, "gguf") || strings.HasSuffix(mediaType, "mmproj"):
		_, err = gguf.Visit(r, r.desc.Size, visit)
	case strings.HasSuffix(name, ".safetensors") || strings.Contains(mediaType, "safetensors"):
		_, err = safetensors.Visit(r, r.desc.Size, visit)
	case path.Ext(name) == "" && strings.Contains(mediaType, ".weight.") && r.isGGUF():
		_, err = gguf.Visit(r, r.desc.Size, visit)
	}
	return err
}

// isGGUF reports whether a blob begins as GGUF does.
func (r *ranges) isGGUF() bool {
	const magic = "GGUF"
	if r.desc.Size < int64(len(magic)) {
		return false
	}
	rc, err := r.src.FetchRange(r.ctx, r.desc, 0, int64(len(magic)))
	if err != nil {
		return false // reported when more is read
	}
	defer rc.Close()
	head, err := io.ReadAll(io.LimitReader(rc, int64(len(magic))))
	return err == nil && string(head) == magic
}

// ranges reads a blob at offsets, with one request for many small reads that follow each other.
type ranges struct {
	ctx   context.Context
	src   fetch.Ranger
	desc  ocispec.Descriptor
	part  []byte
	begin int64
}

// mostPart is the size of a request: headers have up to some 20 MiB, most of it a vocabulary.
const (
	leastPart = 256 << 10
	mostPart  = 4 << 20
)

// ReadAt reads from the part that was requested last, or requests the next one.
func (r *ranges) ReadAt(p []byte, offset int64) (int, error) {
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

// request fetches the part at an offset, a longer one if it follows the last.
func (r *ranges) request(at int64) error {
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
