package download

import (
	"math/rand/v2"
	"testing"
)

// TestSpans checks that spans have the same bytes as an array of booleans after random changes.
func TestSpans(t *testing.T) {
	t.Parallel()
	const size = 60
	source := rand.NewChaCha8([32]byte{1})
	for seed := range 200 {
		var set spans
		var simple [size]bool
		data := make([]byte, 64)
		_, _ = source.Read(data) // never fails
		for i := 0; i+2 < len(data); i += 3 {
			from, to := int64(data[i]+byte(seed))%size, int64(data[i+1])%size
			from, to = min(from, to), max(from, to)
			if data[i+2]%3 == 0 {
				set = set.remove(from, to)
			} else {
				set = set.add(from, to)
			}
			for j := from; j < to; j++ {
				simple[j] = data[i+2]%3 != 0
			}
		}
		var total int64
		for i, in := range simple {
			if in {
				total++
			}
			if reaches := set.reach(int64(i)) > int64(i); reaches != in {
				t.Fatalf("seed %d: %v: byte %d: got %v, want %v", seed, set, i, reaches, in)
			}
		}
		if set.total() != total || !set.isValid(size) {
			t.Fatalf("seed %d: %v: got %d bytes, valid %v, want %d, true", seed, set, set.total(), set.isValid(size), total)
		}
	}
}
