package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestDeleteListsTags checks that a dry run lists the tags that go with a manifest, with a bounded number of requests, and that a
// deletion does not depend on that list.
func TestDeleteListsTags(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	writeFile(t, dir+"/app.txt", "app\n")
	writeFile(t, dir+"/other.txt", "other\n")
	refusal := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	}
	for _, test := range []struct {
		name        string
		tags, pages int
		fault       string // the operation that the registry refuses
		want        string
		requests    int
	}{
		{"a few", 3, 0, "", "would delete  REF\ntags          n1, n2, n3\n", 1 + 1 + 4},
		{"in pages", 30, 10, "", "would delete  REF\ntags          n1, n10, n11,", 1 + 4 + 31},
		{"too many", 200, 0, "", "would delete  REF\n", 1 + 1},
		{"too many, in pages", 260, 100, "", "would delete  REF\n", 1 + 3},
		{"list refused", 3, 0, "GET tags", "would delete  REF\n", 1 + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			reg := registrytest.Start(t, registrytest.Options{Limits: registrytest.Limits{PageSize: test.pages}})
			davit(t, "push", dir+"/other.txt", reg.Host+"/app:other", "-q")
			davit(t, "push", dir+"/app.txt", reg.Host+"/app:n1", "-q")
			args := []string{"tag", reg.Host + "/app:n1"}
			for i := 2; i <= test.tags; i++ {
				args = append(args, fmt.Sprintf("n%d", i))
			}
			davit(t, args...)
			ref := reg.Host + "/app@" + davit(t, "resolve", reg.Host+"/app:n1")
			if test.fault != "" {
				reg.Inject(test.fault, faults.Always, refusal)
			}
			reg.ResetLog()
			var stdout, stderr bytes.Buffer
			if code := Run(t.Context(), []string{"delete", ref, "--dry-run"}, strings.NewReader(""), &stdout, &stderr); exit.Code(code) != exit.Done {
				t.Fatalf("exit code %d, %s", code, &stderr)
			}
			if got := strings.ReplaceAll(stdout.String(), ref, "REF"); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			isListed := strings.Contains(stdout.String(), "tags ")
			if strings.Contains(stderr.String(), "tags not listed: ") == isListed {
				t.Errorf("tags listed: %v, got standard error %q", isListed, &stderr)
			}
			if got := reg.Count(); got > test.requests {
				t.Errorf("the dry run took %d requests, want at most %d", got, test.requests)
			}
			reg.ResetLog()
			davit(t, "delete", ref)
			if got := reg.Count(); got > 3 {
				t.Errorf("the deletion took %d requests, want at most 3: %v", got, ops(reg))
			}
		})
	}
}
