package survey

import (
	"strings"

	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/tree"
)

// saysAdapter reports whether the metadata of a safetensors file are those of a LoRA: as kohya's trainer writes them, or as
// Stability's modelspec names the architecture.
func (s *surveyor) saysAdapter(p string) bool {
	head, err := tree.ReadHead(s.FS, p)
	if err != nil {
		return false
	}
	f, _, ok := safetensors.ReadHead(head, 1<<62)
	if !ok {
		return false
	}
	return f.Metadata["ss_network_module"] != "" || strings.HasSuffix(f.Metadata["modelspec.architecture"], "/lora")
}
