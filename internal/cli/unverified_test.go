package cli

import (
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
)

// TestUnverified checks the warning that the digest of a large layer was not verified because only a part of the layer was fetched.
func TestUnverified(t *testing.T) {
	t.Parallel()
	o := newOdd(t, registrytest.Options{})
	writeFile(t, o.dir+"/large/first.txt", "first\n")
	writeFile(t, o.dir+"/large/second.bin", noise(33<<20, 1))
	o.run(exit.Done, "push -q --kind generic $D/large $R/large:1")
	const want = "warning: the digest of the layer with large/first.txt was not verified: the layer is larger than 32 MiB, and only a part of it was fetched"
	o.runWith(exit.Done, "cat $R/large:1 large/first.txt", want)
	o.runWith(exit.Done, "show $R/large:1 large/first.txt", want)
	o.runWith(exit.Done, "cat $R/large:1 large/second.bin --range 0-0", "large/second.bin was not verified")
	writeFile(t, o.dir+"/whole.bin", noise(33<<20, 2))
	o.run(exit.Done, "push -q --kind generic $D/whole.bin $R/large:2")
	o.runWith(exit.Done, "cat $R/large:2 whole.bin --range 0-0", "the digest of the layer with whole.bin was not verified")
}
