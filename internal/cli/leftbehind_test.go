package cli

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestLeftBehindRequests checks how many requests copy makes to count attachments that it does not copy: as many for
// each manifest, however often it is copied.
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
		for _, many := range [][]string{{reg.Host + "/app", "--all-tags"}, {one, reg.Host + "/app:1"}, {one, reg.Host + "/app:1", one}} {
			quiet := count(append(many, t.TempDir()+"/a", "-q")...)
			all := count(append(many, t.TempDir()+"/a")...)
			if more := all - quiet; more != 2*test.want && (more != 3 || !test.options.NoReferrers) { // only the first may try the API
				t.Errorf("%s: copy %q: got %d requests, and %d with --quiet, want %d more", test.name, many, all, quiet, 2*test.want)
			}
		}
	}
}

// TestLeftBehindFailures checks that a registry that fails to list attachments changes the note, and nothing else.
func TestLeftBehindFailures(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	writeFile(t, dir+"/a.spdx.json", `{"spdxVersion":"SPDX-2.3"}`)
	reg := registrytest.Start(t, registrytest.Options{})
	args := []string{"copy"}
	for i := range 3 {
		writeFile(t, dir+"/app.txt", fmt.Sprintf("app %d\n", i))
		ref := fmt.Sprintf("%s/app:%d", reg.Host, i)
		davit(t, "push", "--kind", "generic", dir+"/app.txt", ref, "-q")
		davit(t, "attach", "--kind", "sbom", dir+"/a.spdx.json", ref, "-q")
		args = append(args, ref)
	}
	for _, test := range []struct {
		when faults.When
		want string
	}{
		{faults.Nth(100), "3 attachments of 3 artifacts are not copied; --referrers copies them"},
		{faults.Nth(1), "at least 2 attachments of 2 artifacts are not copied; --referrers copies all"},
		{faults.Always, ""},
	} {
		reg.Heal()
		reg.Inject("GET referrers", test.when, faults.Status(403))
		var stderr strings.Builder
		code := Run(t.Context(), append(args, t.TempDir()+"/a"), strings.NewReader(""), io.Discard, &stderr)
		got := stderr.String()
		if code != 0 || !strings.Contains(got, test.want) || test.want == "" && strings.Contains(got, "attachment") {
			t.Errorf("got exit code %d and %q, want 0 and %q", code, got, test.want)
		}
	}
}
