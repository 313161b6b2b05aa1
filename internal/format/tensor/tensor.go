// Package tensor has what the formats of model weights have in common.
package tensor

import (
	"fmt"
	"math"
	"math/bits"
)

// Elements multiplies the dimensions of a shape. It refuses a product that an int64 cannot hold, and negative dimensions.
func Elements(shape []int64) (int64, error) {
	n := uint64(1)
	for _, d := range shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if d < 0 || hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("a shape of %v has more elements than can be counted", shape)
		}
		n = lo
	}
	return int64(n), nil
}
