// Package tensor describes the tensors in files of model weights.
package tensor

import (
	"fmt"
	"math"
	"math/bits"
)

// Tensor describes one tensor.
type Tensor struct {
	Name  string  `json:"name"`
	Type  string  `json:"type"`
	Shape []int64 `json:"shape"` // in the order of the file: GGUF begins with the innermost dimension
	Size  int64   `json:"-"`     // in bytes; 0 if unknown
}

// Elements returns the product of the dimensions of a shape. It fails if a dimension is negative or the product overflows.
func Elements(shape []int64) (int64, error) {
	n := uint64(1)
	for _, d := range shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if d < 0 || hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("the number of elements of shape %v overflows", shape)
		}
		n = lo
	}
	return int64(n), nil
}
