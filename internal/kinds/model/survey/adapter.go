package survey

import (
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/tree"
)

// isLoRA reports whether a safetensors file is a LoRA adapter. It is one if it has metadata of kohya's trainer, if the
// architecture in Stability's modelspec ends in /lora, or if the names of the tensors are those of an adapter.
func (s *surveyor) isLoRA(p string) bool {
	head, err := tree.ReadHead(s.FS, p)
	if err != nil {
		return false
	}
	f, _, ok := safetensors.ReadHead(head, 1<<62)
	if !ok {
		return false
	}
	return f.Metadata["ss_network_module"] != "" || strings.HasSuffix(f.Metadata["modelspec.architecture"], "/lora") || hasAdapterNames(f.First)
}

// adapterWords occur in the names of the tensors of adapters: LoRA, LoHa, LoKr.
var adapterWords = []string{"lora_a", "lora_b", "lora_up", "lora_down", ".lora.", "hada_w", "lokr_w", "dora_scale", "lora_magnitude_vector"}

// hasAdapterNames reports whether all tensor names are those of an adapter.
func hasAdapterNames(names []string) bool {
	found := false
	for _, name := range names {
		name = strings.ToLower(name)
		isPart := slices.ContainsFunc(adapterWords, func(word string) bool { return strings.Contains(name, word) })
		if !isPart && !strings.HasSuffix(name, ".alpha") {
			return false
		}
		found = found || isPart
	}
	return found
}
