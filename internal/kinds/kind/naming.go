package kind

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// NameOnly returns a function for Pull.NameAll that names the layer of an artifact with a single layer.
func NameOnly(name string) func([]ocispec.Descriptor) map[int]string {
	return func(layers []ocispec.Descriptor) map[int]string {
		if len(layers) != 1 {
			return nil
		}
		return map[int]string{0: name}
	}
}
