package tensor_test

import (
	"math"
	"testing"

	"github.com/davit-oci/davit/internal/format/tensor"
)

func TestElements(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		shape []int64
		want  int64
		ok    bool
	}{
		{nil, 1, true}, {[]int64{3, 4}, 12, true}, {[]int64{0, math.MaxInt64}, 0, true}, {[]int64{math.MaxInt64}, math.MaxInt64, true},
		{[]int64{math.MaxInt64, 2}, 0, false}, {[]int64{1 << 32, 1 << 32}, 0, false}, {[]int64{1 << 31, 1 << 32}, 0, false}, {[]int64{-1}, 0, false},
	} {
		if got, err := tensor.Elements(tt.shape); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("Elements(%v) = %d, %v, want %d, valid %t", tt.shape, got, err, tt.want, tt.ok)
		}
	}
}
