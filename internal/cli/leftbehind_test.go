package cli

import (
	"fmt"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
)

// TestLeftBehindRequests checks how many requests copy makes to count attachments that it does not copy. For several artifacts, it
// makes none.
func TestLeftBehindRequests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	writeFile(t, dir+"/app.txt", "app\n")
	writeFile(t, dir+"/other.txt", "other\n")
	for _, test := range []struct {
		name    string
		options registrytest.Options
		want    int
	}{{"referrers API", registrytest.Options{}, 1}, {"tag schema", registrytest.Options{NoReferrers: true}, 2}} {
		reg := registrytest.Start(t, test.options)
		for i, file := range []string{"app", "other"} {
			davit(t, "push", "--kind", "generic", dir+"/"+file+".txt", fmt.Sprintf("%s/app:%d", reg.Host, i), "-q")
		}
		count := func(args ...string) int {
			reg.ResetLog()
			davit(t, append([]string{"copy"}, args...)...)
			return reg.Count()
		}
		one := reg.Host + "/app:0"
		if quiet, all := count(one, t.TempDir()+"/a", "-q"), count(one, t.TempDir()+"/a"); all != quiet+test.want {
			t.Errorf("%s: got %d requests, and %d with --quiet; want %d more than with it", test.name, all, quiet, test.want)
		}
		for _, many := range [][]string{{reg.Host + "/app", "--all-tags"}, {one, reg.Host + "/app:1"}} {
			quiet := count(append(many, t.TempDir()+"/a", "-q")...)
			if all := count(append(many, t.TempDir()+"/a")...); all != quiet {
				t.Errorf("%s: copy %q: got %d requests, and %d with --quiet, want as many", test.name, many, all, quiet)
			}
		}
	}
}
