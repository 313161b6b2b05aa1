//go:build unix && clients

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/registrytest"
)

// machine is a user's machine on which several davit processes run at once.
type machine struct {
	t        *testing.T
	home     string
	files    map[string][]byte
	size     int64
	registry *registrytest.Registry
	ref      string
}

// newMachine pushes files to a registry with a slow connection, so that all processes have begun before the first one ends.
func newMachine(t *testing.T, sizes ...int) *machine {
	t.Helper()
	m := &machine{t: t, home: t.TempDir(), files: map[string][]byte{}}
	largest := int64(slices.Max(sizes))
	m.registry = registrytest.Start(t, registrytest.Options{Line: registrytest.Line{Latency: 500 * time.Millisecond, Rate: max(largest/3, 16<<10)}})
	m.ref = m.registry.Host + "/app:1"
	dir := t.TempDir()
	random := rand.NewChaCha8([32]byte{7})
	args := []string{"push", "-q"}
	for i, size := range sizes {
		name := fmt.Sprintf("file%02d.bin", i)
		data := make([]byte, size)
		_, _ = random.Read(data)
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
		m.files[name], m.size = data, m.size+int64(size)
		args = append(args, name)
	}
	if out, err := m.command(dir, append(args, m.ref)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m.registry.ResetLog()
	return m
}

func (m *machine) command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("davit", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+m.home, "XDG_CACHE_HOME="+m.home+"/cache", "XDG_STATE_HOME="+m.home+"/state")
	return cmd
}

// pull starts a pull into a directory of its own.
func (m *machine) pull(args ...string) *pulling {
	m.t.Helper()
	p := &pulling{dir: m.t.TempDir()}
	p.cmd = m.command(p.dir, append([]string{"pull", m.ref, "--durable=false", "-o", "out"}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	return p
}

// pulling is a running pull.
type pulling struct {
	cmd *exec.Cmd
	dir string
	out bytes.Buffer
}

// check waits for the end of a pull, and compares the files.
func (m *machine) check(p *pulling) {
	m.t.Helper()
	if err := p.cmd.Wait(); err != nil {
		m.t.Errorf("pull: %v\n%s", err, p.out.String())
		return
	}
	for name, data := range m.files {
		if got, err := os.ReadFile(filepath.Join(p.dir, "out", name)); err != nil || !bytes.Equal(got, data) {
			m.t.Errorf("%s: %v, %d bytes, want %d", name, err, len(got), len(data))
		}
	}
}

// fetched returns the number of blob bytes that the registry sent, divided by the size of the artifact.
func (m *machine) fetched() float64 {
	_, out := m.registry.Bytes("GET blob")
	return float64(out) / float64(m.size)
}

// waitFor waits until fetched returns times or more.
func (m *machine) waitFor(times float64) {
	m.t.Helper()
	deadline := time.After(time.Minute)
	for tick := time.Tick(5 * time.Millisecond); m.fetched() < times; {
		select {
		case <-tick:
		case <-deadline:
			m.t.Fatalf("%.2f times the bytes of the artifact were fetched in a minute, want %.2f", m.fetched(), times)
		}
	}
}

// TestPullsTogether checks that eight pulls of one artifact at once fetch it once.
func TestPullsTogether(t *testing.T) {
	t.Parallel()
	for name, sizes := range map[string][]int{
		"one file":    {6 << 20},
		"files":       {1 << 20, 700 << 10, 1 << 20, 64 << 10, 2 << 20, 5000, 900 << 10, 4097, 1 << 20, 300 << 10},
		"small files": {5000, 6000, 7000, 8000, 9000, 10000, 20000, 30000, 40000, 50000, 60000, 70000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, sizes...)
			var all []*pulling
			for range 8 {
				all = append(all, m.pull())
			}
			for _, p := range all {
				m.check(p)
			}
			if times := m.fetched(); times > 1.2 {
				t.Errorf("eight pulls fetched %.2f times the bytes of one, want at most 1.2", times)
			}
		})
	}
}

// TestPullsTogetherKilled kills the pull that is fetching, and checks that the other pulls continue.
func TestPullsTogetherKilled(t *testing.T) {
	t.Parallel()
	m := newMachine(t, 4<<20, 4<<20)
	first := m.pull()
	m.waitFor(0.1) // the first pull has begun
	others := []*pulling{m.pull(), m.pull(), m.pull()}
	m.waitFor(0.5)
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := first.cmd.Wait(); !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the first pull ended before it was killed: %v", err)
	}
	for _, p := range others {
		m.check(p)
	}
	if times := m.fetched(); times > 2.2 {
		t.Errorf("fetched %.2f times the bytes of the artifact, want at most 2.2: once by the killed pull, and once by the others", times)
	}
}

// TestPullsOfUsers checks that pulls with different caches, such as those of two users, do not share what they fetch.
func TestPullsOfUsers(t *testing.T) {
	t.Parallel()
	m := newMachine(t, 1<<20)
	one := m.pull()
	m.home = t.TempDir()
	two := m.pull()
	m.check(one)
	m.check(two)
	if times := m.fetched(); times < 1.9 {
		t.Errorf("fetched %.2f times the bytes of the artifact, want twice", times)
	}
}
