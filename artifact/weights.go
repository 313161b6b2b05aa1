package artifact

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strconv"
)

// WeightsHead is what the beginning of a file of model weights says. What stands further behind is missing.
type WeightsHead struct {
	Format       string            `json:"format"`            // gguf or safetensors
	Tensors      int64             `json:"tensors,omitempty"` // 0: not known
	Parameters   string            `json:"parameters,omitempty"`
	Quantization string            `json:"quantization,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
}

// ReadWeightsHead reads the beginning of a GGUF or safetensors file of so many bytes; false: it is neither.
func ReadWeightsHead(head []byte, size int64) (*WeightsHead, bool) {
	if bytes.HasPrefix(head, []byte("GGUF")) || bytes.HasPrefix(head, []byte("FUGG")) {
		return ggufHead(head, size)
	}
	return safetensorsHead(head, size)
}

// ggufHead reads metadata as far as it goes: that of the model comes before the vocabulary.
func ggufHead(head []byte, size int64) (*WeightsHead, bool) {
	g := &ggufReader{in: bufio.NewReader(bytes.NewReader(head)), size: size}
	if g.readVersion() != nil {
		return nil, false
	}
	tensors, err := g.count("tensors", maxGGUFTensors)
	if err != nil {
		return nil, false
	}
	keys, err := g.count("metadata entries", maxGGUFKeys)
	if err != nil {
		return nil, false
	}
	f := &ggufFile{Metadata: map[string]string{}, FileType: -1, Tensors: tensors}
	align := int64(32)
	for range keys {
		if g.readEntry(f, &align) != nil {
			break
		}
	}
	w := &WeightsHead{Format: "gguf", Tensors: tensors, Metadata: f.Metadata}
	if f.FileType >= 0 {
		w.Quantization = f.Quantization()
	}
	return w, true
}

// safetensorsHead reads tensors as far as they go: how many there are is known where all of them were read.
func safetensorsHead(head []byte, size int64) (*WeightsHead, bool) {
	if len(head) < 9 || head[8] != '{' {
		return nil, false
	}
	n := binary.LittleEndian.Uint64(head)
	if n > maxSafetensorsHeader || int64(n) > size-8 {
		return nil, false
	}
	body := head[8:]
	whole := n <= uint64(len(body))
	if whole {
		body = body[:n]
	}
	f := &safetensorsFile{Metadata: map[string]string{}, DTypes: map[string]int64{}, Size: size}
	err := f.read(json.NewDecoder(&tokenGuard{in: bufio.NewReader(bytes.NewReader(body))}))
	if whole && err != nil || f.Tensors == 0 && len(f.Metadata) == 0 {
		return nil, false
	}
	w := &WeightsHead{Format: "safetensors", Quantization: f.Quantization(), Metadata: f.Metadata}
	if whole {
		w.Tensors, w.Parameters = f.Tensors, strconv.FormatInt(f.Elements, 10)
	}
	return w, true
}
