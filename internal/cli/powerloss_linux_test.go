//go:build privileged

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// fileSystem is a type of file system to test.
type fileSystem struct {
	name  string
	mkfs  []string
	mount string // options
}

var fileSystems = []fileSystem{
	{"ext4", []string{"mkfs.ext4", "-q", "-F"}, "loop"},
	{"ext4 without heuristics", []string{"mkfs.ext4", "-q", "-F"}, "loop,noauto_da_alloc"},
	{"xfs", []string{"mkfs.xfs", "-q", "-f"}, "loop,nouuid"},
}

// disk is a file system in a file, mounted over a loop device. After power loss, only the content of the file would be left.
type disk struct {
	fileSystem
	image, dir string
}

func newDisk(t *testing.T, f fileSystem) *disk {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 320<<20); err != nil { // xfs has a minimum of 300 MiB
		t.Fatal(err)
	}
	command(t, f.mkfs[0], append(f.mkfs[1:], image)...)
	return mount(t, f, image)
}

func mount(t *testing.T, f fileSystem, image string) *disk {
	t.Helper()
	dir := t.TempDir()
	command(t, "mount", "-o", f.mount, image, dir)
	t.Cleanup(func() { command(t, "umount", dir) })
	return &disk{f, image, dir}
}

// cut calls a function while a copy of the disk is mounted over it, in the state that power loss at this moment would leave. The
// records of pulls are on the disk, too.
func (d *disk) cut(t *testing.T, after func()) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "cut.img")
	command(t, "cp", "--sparse=always", d.image, image)
	command(t, "mount", "-o", d.fileSystem.mount, image, d.dir)
	defer command(t, "umount", d.dir)
	after()
}

// commit makes the file system write its journal, as it does every few seconds, but not the data of other files.
func (d *disk) commit(t *testing.T) {
	t.Helper()
	f, err := os.Create(filepath.Join(d.dir, "unrelated"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

// command runs a program, and returns its output.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// content returns the content of a file in a version of the artifact.
func content(version, name string, size int) []byte {
	var seed [32]byte
	copy(seed[:], version+" "+name)
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

// made holds the results of contents.
var made = make(map[string]map[string][]byte)

// contents returns the files of a version: two that are layers of their own, and those of a directory that is packed in one layer.
func contents(version string) map[string][]byte {
	if files, ok := made[version]; ok {
		return files
	}
	files := map[string][]byte{"big.bin": content(version, "big", 9<<20), "notes.txt": content(version, "notes", 999)}
	for i := range 150 {
		name := fmt.Sprintf("tree/%d/%d", i%7, i)
		files[name] = content(version, name, 1+i*i)
	}
	made[version] = files
	return files
}

// publish pushes a version of the artifact.
func publish(t *testing.T, version, target string) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range contents(version) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const declaration = "kind: generic\nlayers: [{path: big.bin}, {path: notes.txt}, {path: tree, packing: tar+zstd}]\n"
	if err := os.WriteFile(filepath.Join(dir, "davit.yaml"), []byte(declaration), 0o666); err != nil {
		t.Fatal(err)
	}
	command(t, "davit", "push", dir, target)
}

// checkFiles reports files in the destination that differ from those of all versions. For a single version, all must exist.
func checkFiles(t *testing.T, dir string, versions ...string) {
	t.Helper()
	for name := range contents(versions[0]) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) && len(versions) > 1 {
			continue
		}
		right := false
		for _, v := range versions {
			right = right || bytes.Equal(got, contents(v)[name])
		}
		if err != nil || !right {
			t.Errorf("%s differs from the file of %v: got %d bytes, %d of them zero (%v)", name, versions, len(got), bytes.Count(got, []byte{0}), err)
			return
		}
	}
}

// onEachFileSystem runs a test on each file system.
func onEachFileSystem(t *testing.T, test func(*testing.T, *disk)) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, f := range fileSystems {
		t.Run(f.name, func(t *testing.T) {
			d := newDisk(t, f)
			t.Setenv("XDG_STATE_HOME", filepath.Join(d.dir, "state"))
			test(t, d)
		})
	}
}

// TestPowerLossAfterPull simulates power loss right after a pull has succeeded.
func TestPowerLossAfterPull(t *testing.T) {
	layout := filepath.Join(t.TempDir(), "oci")
	registry := registrytest.Start(t, registrytest.Options{}).Host + "/a"
	for _, v := range []string{"v1", "v2"} {
		publish(t, v, layout+":"+v)
		publish(t, v, registry+":"+v)
	}
	onEachFileSystem(t, func(t *testing.T, d *disk) {
		for i, source := range []string{layout, registry} {
			out := filepath.Join(d.dir, fmt.Sprintf("made/%d", i))
			for _, version := range []string{"v1", "v2"} {
				command(t, "davit", "pull", "--durable", source+":"+version, "-o", out)
				d.commit(t)
				d.cut(t, func() {
					checkFiles(t, out, version)
					if output := command(t, "davit", "pull", "--durable", source+":"+version, "-o", out); !strings.HasPrefix(output, "unchanged") {
						t.Errorf("second pull: got %s, want unchanged", output)
					}
					checkFiles(t, out, version)
				})
			}
		}
	})
}

// TestPowerLossDuringPull kills pulls at many moments, with power loss right after that: every file must be the old one, the
// new one, or absent, and the next pull, of any version, must repair the directory.
func TestPowerLossDuringPull(t *testing.T) {
	layout := filepath.Join(t.TempDir(), "oci")
	for _, v := range []string{"v1", "v2", "v3"} {
		publish(t, v, layout+":"+v)
	}
	onEachFileSystem(t, func(t *testing.T, d *disk) {
		out := filepath.Join(d.dir, "out")
		started := time.Now()
		command(t, "davit", "pull", "--durable", layout+":v2", "-o", out)
		takes := time.Since(started)
		const cuts = 10
		for i := range cuts {
			command(t, "davit", "pull", "--durable", layout+":v1", "-o", out)
			ctx, cancel := context.WithTimeout(t.Context(), takes*time.Duration(i+1)/cuts)
			_ = exec.CommandContext(ctx, "davit", "pull", "--durable", layout+":v2", "-o", out).Run()
			cancel()
			if i%2 == 1 {
				d.commit(t)
			}
			d.cut(t, func() {
				checkFiles(t, out, "v1", "v2")
				next := []string{"v2", "v3", "v1"}[i%3]
				command(t, "davit", "pull", "--durable", layout+":"+next, "-o", out)
				checkFiles(t, out, next)
			})
		}
	})
}

// TestPowerLossAfterResumedPull resumes a killed pull, and simulates power loss after it. The bytes that the killed pull fetched must
// be durable, too.
func TestPowerLossAfterResumedPull(t *testing.T) {
	registry := registrytest.Start(t, registrytest.Options{})
	source := registry.Host + "/a:v1"
	publish(t, "v1", source)
	onEachFileSystem(t, func(t *testing.T, d *disk) {
		out := filepath.Join(d.dir, "out")
		cmd := exec.Command("davit", "pull", "--durable", source, "-o", out, "--include", "big.bin")
		started := make(chan struct{})
		registry.Inject("GET blob", faults.Always, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-started
				h.ServeHTTP(&killer{w, 6 << 20, cmd}, r)
			})
		})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		close(started)
		_ = cmd.Wait()
		registry.Heal()
		d.commit(t)
		resume := func(at *disk) {
			command(t, "davit", "pull", "--durable", source, "-o", out, "--include", "big.bin")
			at.commit(t)
			at.cut(t, func() {
				if got, err := os.ReadFile(filepath.Join(out, "big.bin")); err != nil || !bytes.Equal(got, contents("v1")["big.bin"]) {
					t.Errorf("big.bin is wrong after power loss: %d bytes, %d of them zero (%v)", len(got), bytes.Count(got, []byte{0}), err)
				}
			})
		}
		image := filepath.Join(t.TempDir(), "cut.img")
		command(t, "cp", "--sparse=always", d.image, image)
		resume(d) // without power loss in between
		command(t, "mount", "-o", d.fileSystem.mount, image, d.dir)
		defer command(t, "umount", d.dir)
		resume(&disk{d.fileSystem, image, d.dir}) // after power loss in between
	})
}

// killer kills a process after it received a number of bytes.
type killer struct {
	http.ResponseWriter
	left int
	cmd  *exec.Cmd
}

// Write implements io.Writer.
func (k *killer) Write(p []byte) (int, error) {
	n, err := k.ResponseWriter.Write(p)
	if k.left -= n; k.left < 0 {
		_ = k.cmd.Process.Kill()
	}
	return n, err
}
