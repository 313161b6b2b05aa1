// Package weights recognizes files of model weights, GGUF and safetensors, by their first bytes and by their names.
package weights

import (
	"bytes"
	"strconv"

	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/safetensors"
)

// Head holds the information from the first bytes of a file of model weights.
type Head struct {
	Format       string            `json:"format"`            // gguf or safetensors
	Tensors      int64             `json:"tensors,omitempty"` // 0 if unknown
	Parameters   string            `json:"parameters,omitempty"`
	Quantization string            `json:"quantization,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
}

// ReadHead reads the first bytes of a GGUF or safetensors file of size bytes; ok is false for any other file.
func ReadHead(head []byte, size int64) (h *Head, ok bool) {
	if bytes.HasPrefix(head, []byte("GGUF")) || bytes.HasPrefix(head, []byte("FUGG")) {
		return readGGUFHead(head, size)
	}
	return readSafetensorsHead(head, size)
}

func readGGUFHead(head []byte, size int64) (*Head, bool) {
	f, err := gguf.ReadHead(head, size)
	if err != nil {
		return nil, false
	}
	h := &Head{Format: "gguf", Tensors: f.Tensors, Metadata: f.Metadata}
	if q := f.Quantization(); f.FileType >= 0 && q != gguf.Unknown {
		h.Quantization = q
	}
	return h, true
}

func readSafetensorsHead(head []byte, size int64) (*Head, bool) {
	f, complete, ok := safetensors.ReadHead(head, size)
	if !ok {
		return nil, false
	}
	h := &Head{Format: "safetensors", Metadata: f.Metadata}
	if !f.IsPacked() {
		h.Quantization = f.Quantization()
	}
	if complete {
		h.Tensors = f.Tensors
	}
	if complete && !f.IsPacked() {
		h.Parameters = strconv.FormatInt(f.Elements, 10)
	}
	return h, true
}
