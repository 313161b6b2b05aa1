package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// withHome sets a home directory for the commands of one test.
func withHome(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, ".cache"))
	t.Setenv("DAVIT_CACHE_DIR", filepath.Join(dir, ".cache", "davit"))
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, ".docker"))
	return dir
}

// TestCopySkipsNondistributable checks that a copy without the non-distributable layer is complete: davit skips a second copy.
func TestCopySkipsNondistributable(t *testing.T) {
	dir := withHome(t)
	src := layoutWith(t, filepath.Join(dir, "src"), ocispec.Descriptor{
		MediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Digest: digest.FromString("elsewhere"), Size: 9,
		URLs: []string{"https://registry.example.com/elsewhere"},
	})
	for _, want := range []string{"false", "true"} {
		if skipped := davit(t, "copy", src, filepath.Join(dir, "dst")+":1", "--format", "go-template={{.skipped}}"); skipped != want {
			t.Errorf("skipped: got %s, want %s", skipped, want)
		}
	}
}

// TestCopyMounts checks that a copy between repositories of one registry transfers blobs only if the registry does not mount them.
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
				t.Errorf("got %d bytes sent and %d fetched, want %d: %q", in, out, test.moved, ops(reg))
			}
			do("verify", reg.Host+"/other/to:1")
		})
	}
}

// onLargeBodies limits a fault to requests with large bodies.
func onLargeBodies(fault faults.Fault) faults.Fault {
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

// TestCopyResumes interrupts a copy, and checks that the next one sends and fetches only the missing bytes.
func TestCopyResumes(t *testing.T) {
	dir := withHome(t)
	const size, sent = 32 << 20, 20 << 20
	writeFile(t, filepath.Join(dir, "a.bin"), noise(size, 1))
	from, to := registrytest.Start(t, registrytest.Options{}), registrytest.Start(t, registrytest.Options{})
	davit(t, "push", "--kind", "generic", dir+"/a.bin", from.Host+"/app:1", "-q")
	to.Inject("upload", faults.Always, onLargeBodies(faults.ResetUpload(sent)))
	to.Inject("GET upload", faults.Always, faults.Drop())
	var stderr bytes.Buffer
	args := []string{"copy", from.Host + "/app:1", to.Host + "/app", "--retry-for", "50ms"}
	if code := Run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != int(exit.Network) {
		t.Fatalf("exit code %d, want %d: %s", code, exit.Network, &stderr)
	}
	to.Heal()
	to.ResetLog()
	from.ResetLog()
	copyResumed(t, sent/2, from.Host+"/app:1", to.Host+"/app")
	const most = size - sent + 1<<20
	if in, _ := to.Bytes("upload", "uploads"); in > most {
		t.Errorf("%d bytes were sent, want at most %d", in, most)
	}
	if _, out := from.Bytes("GET blob"); out > most {
		t.Errorf("%d bytes were fetched, want at most %d", out, most)
	}
	davit(t, "verify", to.Host+"/app:1")
}

// copyResumed copies, and checks that the events report the resumed bytes of a blob: the given number at least, but not all.
func copyResumed(t *testing.T, least int64, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	if code := Run(t.Context(), append([]string{"copy", "--progress", "json"}, args...), strings.NewReader(""), io.Discard, &stderr); code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, &stderr)
	}
	found := false
	for line := range strings.Lines(stderr.String()) {
		var e struct{ Size, Resumed, Bytes int64 }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %q: %v", args, line, err)
		}
		found = found || e.Resumed >= least
		if e.Resumed > 0 && (e.Resumed < least || e.Resumed >= e.Size || e.Resumed > e.Bytes) {
			t.Errorf("%v: got %s, want at least %d resumed bytes, and not all", args, line, least)
		}
	}
	if !found {
		t.Errorf("%v: no event reports %d resumed bytes or more:\n%s", args, least, &stderr)
	}
}

// sendPartOnce sends a part of a blob in one response, and fails every later request for the blob. With several responses at once,
// the failure of one would cut off the others at random.
func sendPartOnce(d digest.Digest, sent int64) faults.Fault {
	var requests atomic.Int64
	return func(next http.Handler) http.Handler {
		half := faults.IgnoreRange()(faults.Close(sent)(next))
		none := faults.Drop()(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !strings.HasSuffix(r.URL.Path, d.String()):
				next.ServeHTTP(w, r)
			case requests.Add(1) == 1:
				half.ServeHTTP(w, r)
			default:
				none.ServeHTTP(w, r)
			}
		})
	}
}

// TestCopyToDiskResumes checks that an interrupted copy from a registry to a layout or archive resumes.
func TestCopyToDiskResumes(t *testing.T) {
	dir := withHome(t)
	const size, sent = 32 << 20, 16 << 20
	writeFile(t, filepath.Join(dir, "a.bin"), noise(size, 1))
	for _, target := range []string{dir + "/layout/oci", dir + "/archive/oci.tar"} {
		from := registrytest.Start(t, registrytest.Options{})
		t.Setenv("DAVIT_CACHE_DIR", t.TempDir()) // blobs in a cache would not be fetched
		davit(t, "push", "--kind", "generic", dir+"/a.bin", from.Host+"/app:1", "-q")
		from.Inject("GET blob", faults.Always, sendPartOnce(digest.FromString(noise(size, 1)), sent))
		var stderr bytes.Buffer
		args := []string{"copy", from.Host + "/app:1", target, "--retry-for", "50ms"}
		if code := Run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != int(exit.Network) {
			t.Fatalf("%s: exit code %d, want %d: %s", target, code, exit.Network, &stderr)
		}
		from.Heal()
		if strings.HasSuffix(target, ".tar") {
			if _, err := os.Lstat(target); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s exists: %v", target, err)
			}
		} else {
			checkRepair(t, target, dir+"/repaired")
		}
		from.ResetLog()
		copyResumed(t, sent/2, from.Host+"/app:1", target)
		if _, out := from.Bytes("GET blob"); out > size-sent+1<<20 {
			t.Errorf("%s: %d bytes were fetched, want at most %d", target, out, size-sent+1<<20)
		}
		davit(t, "verify", target)
		if left, err := os.ReadDir(filepath.Dir(target)); err != nil || len(left) != 1 {
			t.Errorf("got %v, %v in the directory of %s, want nothing else", left, err, target)
		}
	}
}

// checkRepair checks that "verify --repair" removes the parts of blobs that an interrupted copy left in a layout.
func checkRepair(t *testing.T, layout, scratch string) {
	t.Helper()
	if err := os.CopyFS(scratch, os.DirFS(layout)); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour) // fresh files may be another writer's
	err := filepath.WalkDir(scratch, func(name string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(name, old, old))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := davit(t, "verify", scratch, "--repair"); !strings.Contains(got, "removed") || !strings.Contains(got, ".davit/part-") {
		t.Errorf("verify --repair: got %s, want the removed parts", got)
	}
	davit(t, "verify", scratch)
}

// TestCopyToArchiveKeepsBlobs interrupts a copy to an archive. The next copy must not fetch complete blobs again, unless their stored
// bytes changed.
func TestCopyToArchiveKeepsBlobs(t *testing.T) {
	dir := withHome(t)
	const size = 9 << 20
	writeFile(t, filepath.Join(dir, "a.bin"), noise(size, 1))
	writeFile(t, filepath.Join(dir, "b.bin"), noise(size, 2))
	from := registrytest.Start(t, registrytest.Options{})
	davit(t, "push", "--kind", "generic", dir+"/a.bin", dir+"/b.bin", from.Host+"/app:1", "-q")
	for name, test := range map[string]struct {
		damage  func(t *testing.T, part string)
		fetched int64
	}{
		"unchanged": {func(*testing.T, string) {}, size},
		"changed": {func(t *testing.T, part string) {
			f, err := os.OpenFile(part, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt([]byte("x"), size/2)
			}
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
		}, 2 * size},
	} {
		t.Run(name, func(t *testing.T) {
			work := t.TempDir()
			t.Setenv("DAVIT_CACHE_DIR", work+"/cache")                 // blobs in a cache would not be fetched
			from.Inject("GET blob", faults.Nth(3), faults.Status(403)) // the config and one file are stored
			var stderr bytes.Buffer
			args := []string{"copy", from.Host + "/app:1", work + "/oci.tar", "--concurrency", "1"}
			if code := Run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != int(exit.Denied) {
				t.Fatalf("exit code %d, want %d: %s", code, exit.Denied, &stderr)
			}
			from.Heal()
			parts, err := filepath.Glob(work + "/.oci.tar.davit-part-*")
			for _, part := range parts {
				if info, err := os.Stat(part); err == nil && info.Size() == size {
					test.damage(t, part)
				}
			}
			from.ResetLog()
			davit(t, "copy", from.Host+"/app:1", work+"/oci.tar")
			if _, out := from.Bytes("GET blob"); err != nil || len(parts) == 0 || out < test.fetched || out > test.fetched+1<<20 {
				t.Errorf("with the parts %v, %v: got %d bytes fetched, want %d", parts, err, out, test.fetched)
			}
			davit(t, "verify", work+"/oci.tar")
		})
	}
}
