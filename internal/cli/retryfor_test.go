package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestRetryFor checks that a command ends soon after --retry-for, for each type of request and failure, and however many requests the
// command makes.
func TestRetryFor(t *testing.T) {
	t.Parallel()
	const limit, stall, slack, lines = time.Second, 500 * time.Millisecond, 2 * time.Second, 8
	failures := map[string]faults.Fault{"unavailable": faults.Status(503), "reset": faults.Drop(), "silent": faults.Stall(0), "cut": faults.Close(100)}
	for _, test := range []struct{ op, command string }{
		{"", "inspect $R/app:1"},
		{"", "copy --from-file $D/list $D/oci"},
		{"GET manifest", "copy --from-file $D/list $D/oci"},
		{"GET blob", "copy --from-file $D/list $D/oci"},
		{"HEAD manifest", "copy --from-file $D/list $D/oci"},
		{"POST uploads", "copy --from-file $D/list $R/mirror"},
		{"PUT upload", "copy --from-file $D/list $R/mirror"},
		{"PUT manifest", "copy --from-file $D/list $R/mirror"},
		{"GET blob", "pull $R/app:1 -o $D/out"},
		{"referrers", "discover $R/app:1"},
		{"PATCH upload", "push --kind generic $D/app.txt $R/new:1"},
		{"DELETE", "detach --all $R/app:1"},
	} {
		for how, failure := range failures {
			t.Run(how+" "+test.op+" "+test.command, func(t *testing.T) {
				t.Parallel()
				o := newOdd(t, registrytest.Options{})
				o.run(exit.Done, "attach -q $D/one.spdx.json $R/app:1")
				var list strings.Builder
				for i := range lines {
					writeFile(t, fmt.Sprintf("%s/%d.bin", o.dir, i), noise(10_000, uint64(i)))
					o.run(exit.Done, fmt.Sprintf("push -q --kind generic $D/%d.bin $R/files%[1]d:1", i))
					fmt.Fprintf(&list, "%s/files%d:1\n", o.reg.Host, i)
				}
				writeFile(t, o.dir+"/list", list.String())
				o.reg.Inject(test.op, faults.Always, failure)
				longest := limit + slack
				if how == "silent" {
					longest += lines * stall // for requests that are not repeated
				}
				var out bytes.Buffer
				args := strings.Fields(strings.NewReplacer("$D", o.dir, "$R", o.reg.Host).Replace(test.command))
				start := time.Now()
				code := Run(t.Context(), append(args, "--retry-for", limit.String(), "--stall-timeout", stall.String()), strings.NewReader(""), &out, &out)
				if took := time.Since(start); took > longest {
					t.Errorf("got exit code %d after %v, want at most %v: %s", code, took, longest, &out)
				}
			})
		}
	}
}
