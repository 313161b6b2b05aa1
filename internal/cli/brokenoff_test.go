package cli

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestBrokenOff checks that a transfer which the registry breaks off leads to the same command again.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	for how, failure := range map[string]faults.Fault{"cut": faults.Close(5_000), "reset": faults.Drop()} {
		for _, command := range []string{"pull $R/big:1 -o $D/out", "copy $R/big:1 $D/oci", "copy $R/big:1 $D/a.tar"} {
			t.Run(how+" "+command, func(t *testing.T) {
				t.Parallel()
				o := newOdd(t, registrytest.Options{})
				writeFile(t, o.dir+"/big.bin", noise(100_000, 1))
				o.run(exit.Done, "push -q --kind generic $D/big.bin $R/big:1")
				o.reg.Inject("GET blob", faults.Always, failure)
				out := o.run(exit.Network, command+" --retry-for 1s")
				if !strings.Contains(out, "hint: run the same command again: it continues where it stopped") {
					t.Error(out)
				}
			})
		}
	}
}

// TestArchiveThatCanNotBeWritten checks that the error names the archive and not the temporary file beside it.
func TestArchiveThatCanNotBeWritten(t *testing.T) {
	t.Parallel()
	o := newOdd(t, registrytest.Options{})
	name := "/" + strings.Repeat("a", 245) + ".tar" // that of the temporary file is too long
	out := o.run(exit.Local, "copy $R/app:1 $D"+name)
	if !strings.Contains(out, name+`": `) || strings.Contains(out, ".davit-") {
		t.Error(out)
	}
}
