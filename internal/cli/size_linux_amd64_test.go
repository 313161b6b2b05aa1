package cli

import (
	"os"
	"testing"
)

// TestSize limits the size of the program. The linker saves two megabytes by dropping methods that are never called. It does so only
// if no reachable function calls methods by a name made at run time, as text/template and parts of cobra do.
// `go build -ldflags=-dumpdep ./cmd/davit 2>&1 | grep ReflectMethod` finds such functions.
func TestSize(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(releasedDavit(t))
	if err != nil {
		t.Fatal(err)
	}
	const limit = 18_500_000
	if info.Size() > limit {
		t.Errorf("the program has %d bytes, want at most %d", info.Size(), limit)
	}
	t.Logf("%d bytes", info.Size())
}
