package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestTrouble checks exit codes and errors for faulty registries and disks: an error names the operation, the object, and
// the last response.
func TestTrouble(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	file := filepath.Join(dir, "model.bin")
	writeFile(t, file, noise(1<<20, 4))
	reg := registrytest.Start(t, registrytest.Options{})
	davit(t, "push", "-q", "--kind", "generic", file, reg.Host+"/app:1")
	const pull = "pull $R/app:1 -o $D/out --retry-for 1s"
	for _, test := range []struct {
		name, op string
		when     faults.When
		fault    faults.Fault
		command  string
		code     exit.Code
		want     []string // in the error
	}{
		{"a bit is wrong, once", "GET blob", faults.First(1), faults.FlipBit(1000), pull, exit.Done, nil},
		{"a bit is wrong, always", "GET blob", faults.Always, faults.FlipBit(1000), pull, exit.Refused, []string{"digest mismatch: want sha256:", "got sha256:"}},
		{"blob too short, always", "GET blob", faults.Always, faults.Shorten(1000), pull, exit.Refused, []string{"got 1000", "sha256:"}},
		{"wrong digest header, always", "GET blob", faults.Always, faults.Header("Docker-Content-Digest", "sha256:x"), pull, exit.Refused, []string{`the registry reports "sha256:x"`}},
		{"unavailable", "GET blob", faults.Always, faults.Status(503), pull, exit.Network, []string{reg.Host, "fetching", "503"}},
		{"rate limit", "GET manifest", faults.Always, faults.Status(429, "Retry-After", "600"), pull, exit.Network, []string{reg.Host, "429"}},
		{"redirected forever", "GET blob", faults.Always, faults.RedirectForever(), pull, exit.Network, []string{"10 redirects"}},
		{"push denied", "PUT manifest", faults.Always, faults.Status(403), "push --kind generic $D/model.bin $R/app:2", exit.Denied, []string{"403"}},
		{"media type that the registry refuses", "PUT manifest", faults.Always, faults.Answer(400, `{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":"unknown media type: application/vnd.davit.docs.v1"}]}`),
			"push --kind generic $D/model.bin $R/types:1", exit.Network, []string{"unknown media type", "--kind image packs the same files"}},
		{"server error during a push", "PUT upload", faults.Always, faults.Status(500), "push --kind generic $D/model.bin $R/new:1 --retry-for 1s", exit.Network, []string{reg.Host, "uploading", "500"}},
		{"file changed during a push", "PUT upload", faults.First(1), faults.Before(func(*http.Request) {
			if err := os.WriteFile(file, []byte("shorter"), 0o600); err != nil {
				t.Error(err)
			}
		}), "push --kind generic $D/model.bin $R/changed:1", exit.Local, []string{"model.bin", "changed"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.RemoveAll(dir + "/out"); err != nil {
				t.Fatal(err)
			}
			reg.Heal()
			reg.ResetLog()
			reg.Inject(test.op, test.when, test.fault)
			var stderr bytes.Buffer
			args := strings.Fields(strings.NewReplacer("$D", dir, "$R", reg.Host).Replace(test.command + " -q"))
			code := Run(t.Context(), args, strings.NewReader(""), &stderr, &stderr)
			if code != int(test.code) {
				t.Errorf("got exit code %d, want %d: %s", code, test.code, &stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("the error lacks %q: %s", want, &stderr)
				}
			}
			if test.code != exit.Done && strings.HasPrefix(test.command, "pull") {
				if left, _ := os.ReadDir(dir + "/out"); len(visible(left)) > 0 {
					t.Errorf("the failed pull left %v", left)
				}
			}
			if test.name == "a bit is wrong, once" {
				if gets := reg.Requests("GET blob"); len(gets) != 2 || gets[0].Conn == gets[1].Conn {
					t.Errorf("the blob was fetched by %d requests, want two over two connections", len(gets))
				}
			}
		})
	}
}

// visible returns the entries that are not hidden.
func visible(entries []os.DirEntry) (names []string) {
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestProcessesAtOnce runs pulls, pushes, and attaches at once that share a destination, a cache, and the list of referrers.
func TestProcessesAtOnce(t *testing.T) {
	t.Parallel()
	const each = 4
	reg := registrytest.Start(t, registrytest.Options{NoReferrers: true})
	dir := t.TempDir()
	content := noise(6<<20, 5)
	writeFile(t, dir+"/model.bin", content)
	start := func(args ...string) (*exec.Cmd, *bytes.Buffer) {
		cmd, out := exec.CommandContext(t.Context(), "davit", args...), &bytes.Buffer{}
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CACHE_HOME="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, out
	}
	wait := func(cmd *exec.Cmd, out *bytes.Buffer) {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
	app := reg.Host + "/app:1"
	wait(start("push", "-q", "--kind", "generic", "model.bin", app))
	var waits []func()
	for i := range each {
		note := fmt.Sprintf("note-%d.txt", i)
		writeFile(t, filepath.Join(dir, note), note)
		for _, args := range [][]string{
			{"pull", "-q", app, "-o", "out"},
			{"attach", "-q", "--kind", "generic", note, app},
			{"push", "-q", "--kind", "generic", "model.bin", app, "--tag", fmt.Sprint("t", i)},
		} {
			cmd, out := start(args...)
			waits = append(waits, func() { wait(cmd, out) })
		}
	}
	for _, w := range waits {
		w()
	}
	if got, err := os.ReadFile(dir + "/out/model.bin"); err != nil || string(got) != content {
		t.Errorf("pulled %d bytes, %v, want the %d that were pushed", len(got), err, len(content))
	}
	cmd, out := start("discover", app, "--format", "go-template={{len .referrers}}")
	if wait(cmd, out); strings.TrimSpace(out.String()) != fmt.Sprint(each) {
		t.Errorf("got %s referrers, want %d", out, each)
	}
	cmd, out = start("tags", reg.Host+"/app")
	if wait(cmd, out); strings.Count(out.String(), "\nt") != each {
		t.Errorf("got the tags %q, want t0 to t%d among them", out, each-1)
	}
}
