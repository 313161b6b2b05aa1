package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
)

// withHome gives the commands of a test a home of their own.
func withHome(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, ".cache"))
	t.Setenv("DAVIT_CACHE_DIR", filepath.Join(dir, ".cache", "davit"))
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, ".docker"))
	return dir
}

// TestCopyMounts: between repositories of one registry no blob is sent, and none is fetched.
func TestCopyMounts(t *testing.T) {
	dir := withHome(t)
	writeFile(t, filepath.Join(dir, "a.bin"), noise(1<<20, 1))
	writeFile(t, filepath.Join(dir, "b.bin"), noise(1<<20, 2))
	for _, test := range []struct {
		name  string
		opts  registrytest.Options
		moved int64
	}{
		{"no authentication", registrytest.Options{}, 0},
		{"tokens for each repository", registrytest.Options{Auth: registrytest.Token}, 0},
		{"a registry that mounts nothing", registrytest.Options{NoMount: true}, 2<<20 + 2}, // with the empty config
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("DAVIT_CACHE_DIR", t.TempDir())
			reg := registrytest.Start(t, test.opts)
			var login []string
			if test.opts.Auth == registrytest.Token {
				t.Setenv("DAVIT_PASSWORD", "secret")
				login = []string{"--username", "test"}
			}
			do := func(args ...string) string { return davit(t, append(args, login...)...) }
			do("push", "--kind", "generic", dir+"/a.bin", dir+"/b.bin", reg.Host+"/team/from:1", "-q")
			reg.ResetLog()
			if got := do("copy", reg.Host+"/team/from:1", reg.Host+"/other/to", "-q"); !strings.HasPrefix(got, reg.Host+"/other/to:1@") {
				t.Errorf("got %q", got)
			}
			in, _ := reg.Bytes("upload", "uploads")
			_, out := reg.Bytes("GET blob")
			if in != test.moved || out != test.moved {
				t.Errorf("%d bytes were sent and %d fetched, want %d: %q", in, out, test.moved, ops(reg))
			}
			do("verify", reg.Host+"/other/to:1")
		})
	}
}

// large is a fault that small bodies do not meet.
func large(fault registrytest.Fault) registrytest.Fault {
	return func(next http.Handler) http.Handler {
		faulty := fault(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > 1<<20 {
				faulty.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestCopyGoesOn: a copy that was broken off sends, and fetches, no more than what is missing.
func TestCopyGoesOn(t *testing.T) {
	dir := withHome(t)
	const size, sent = 32 << 20, 20 << 20
	writeFile(t, filepath.Join(dir, "a.bin"), noise(size, 1))
	from, to := registrytest.Start(t, registrytest.Options{}), registrytest.Start(t, registrytest.Options{})
	davit(t, "push", "--kind", "generic", dir+"/a.bin", from.Host+"/app:1", "-q")
	to.Inject("upload", registrytest.Always, large(registrytest.ResetUpload(sent)))
	to.Inject("GET upload", registrytest.Always, registrytest.Drop())
	var stderr bytes.Buffer
	args := []string{"copy", from.Host + "/app:1", to.Host + "/app", "--retry-for", "50ms"}
	if code := run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != int(exitNetwork) {
		t.Fatalf("exit code %d, want %d: %s", code, exitNetwork, &stderr)
	}
	to.Heal()
	to.ResetLog()
	from.ResetLog()
	davit(t, "copy", from.Host+"/app:1", to.Host+"/app")
	const most = size - sent + 1<<20
	if in, _ := to.Bytes("upload", "uploads"); in > most {
		t.Errorf("%d bytes were sent, want at most %d", in, most)
	}
	if _, out := from.Bytes("GET blob"); out > most {
		t.Errorf("%d bytes were fetched, want at most %d", out, most)
	}
	davit(t, "verify", to.Host+"/app:1")
}

// TestCopyToDiskGoesOn: the same for what comes out of a registry into a layout.
func TestCopyToDiskGoesOn(t *testing.T) {
	dir := withHome(t)
	const size, came = 32 << 20, 16 << 20
	writeFile(t, filepath.Join(dir, "a.bin"), noise(size, 1))
	from := registrytest.Start(t, registrytest.Options{})
	davit(t, "push", "--kind", "generic", dir+"/a.bin", from.Host+"/app:1", "-q")
	from.Inject("GET blob", func(n int) bool { return n > 5 }, registrytest.Drop()) // the config, and parts of 4 MiB
	var stderr bytes.Buffer
	args := []string{"copy", from.Host + "/app:1", dir + "/oci", "--retry-for", "50ms"}
	if code := run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != int(exitNetwork) {
		t.Fatalf("exit code %d, want %d: %s", code, exitNetwork, &stderr)
	}
	from.Heal()
	if err := os.CopyFS(dir+"/repaired", os.DirFS(dir+"/oci")); err != nil {
		t.Fatal(err)
	}
	if got := davit(t, "verify", dir+"/repaired", "--repair"); !strings.Contains(got, "removed") || !strings.Contains(got, ".davit/part-") {
		t.Errorf("repaired: %s", got)
	}
	davit(t, "verify", dir+"/repaired")
	from.ResetLog()
	davit(t, "copy", from.Host+"/app:1", dir+"/oci")
	if _, out := from.Bytes("GET blob"); out > size-came+1<<20 {
		t.Errorf("%d bytes were fetched, want at most %d", out, size-came+1<<20)
	}
	davit(t, "verify", dir+"/oci")
}
