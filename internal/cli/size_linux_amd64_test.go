package cli

import (
	"os"
	"testing"
)

// TestSize bounds the size of the program. Two megabytes of it depend on the linker dropping methods that are never called, which
// it does only while no function that can run calls methods by a name made at run time: text/template does, and the parts of
// cobra that use it. `go build -ldflags=-dumpdep ./cmd/davit 2>&1 | grep ReflectMethod` finds such functions.
func TestSize(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(releasedDavit(t))
	if err != nil {
		t.Fatal(err)
	}
	const limit = 18_500_000
	if info.Size() > limit {
		t.Errorf("the program has %d bytes, more than %d", info.Size(), limit)
	}
	t.Logf("%d bytes", info.Size())
}
