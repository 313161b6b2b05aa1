package quantity_test

import (
	"testing"

	"github.com/davit-oci/davit/internal/format/quantity"
)

func TestQuantity(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 183: "183", 1000: "1K", 361_821_120: "361.82M", 1_500_000_000: "1.50B"} {
		if got := quantity.Parameters(n); got != want {
			t.Errorf("Parameters(%d) = %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0B", 864: "864B", 1000: "1KB", 1024: "1KiB", 268_800_000: "256.35MiB", 1 << 40: "1TiB"} {
		if got := quantity.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
}
