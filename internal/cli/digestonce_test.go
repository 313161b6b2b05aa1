package cli

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestDigestsOnce checks that an error about a refused request names a digest twice at most: in the failed step and in the address.
func TestDigestsOnce(t *testing.T) {
	withHome(t)
	digests := regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	errors := 0
	for _, op := range []string{"PUT manifest", "POST uploads", "GET referrers", "GET blob"} {
		for _, command := range []string{"attach $D/a.md $R/app:1", "attach --replace $D/a.md $R/app:1", "copy --referrers $R/app:1 $R/other:1", "index $R/other:1 $R/app:1",
			"push --kind generic $D/b.md $R/app:2"} {
			o := newOdd(t, registrytest.Options{})
			writeFile(t, o.dir+"/a.md", "# A\n\ntext\n")
			writeFile(t, o.dir+"/b.md", "# B\n\ntext\n")
			o.run(exit.Done, "push -q --kind generic $D/a.md $R/app:1")
			o.run(exit.Done, "attach -q $D/b.md $R/app:1")
			for _, status := range []int{http.StatusForbidden, http.StatusBadRequest} {
				o.reg.Heal()
				o.reg.Inject(op, faults.Always, faults.Status(status))
				var stderr bytes.Buffer
				args := strings.Fields(strings.NewReplacer("$D", o.dir, "$R", o.reg.Host).Replace(command + " --retry-for -1s"))
				Run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr)
				_, line, failed := strings.Cut(stderr.String(), "error: ")
				if !failed {
					continue // the command does without this request
				}
				errors++
				line, _, _ = strings.Cut(line, "\n")
				count := map[string]int{}
				for _, d := range digests.FindAllString(line, -1) {
					count[d]++
				}
				for d, n := range count {
					if n > 2 {
						t.Errorf("%s, %s: got %s %d times, want at most twice: %s", op, command, d, n, line)
					}
				}
				if strings.Contains(line, "failed to perform") || len(count) > 2 {
					t.Errorf("%s, %s: got %d digests, want at most 2, and no \"failed to perform\": %s", op, command, len(count), line)
				}
			}
		}
	}
	if errors < 20 {
		t.Errorf("got %d errors, want at least 20", errors)
	}
}
