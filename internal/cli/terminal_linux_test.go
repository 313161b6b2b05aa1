package cli

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	"golang.org/x/sys/unix"
)

// terminal is the user's end of a pseudo-terminal that davit runs on.
type terminal struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex
	seen bytes.Buffer
	more chan struct{} // output arrived
	done chan struct{} // no more output
}

// onTerminal starts davit on a terminal of 80 columns.
func onTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	return onScreen(t, 80, t.TempDir(), args...)
}

// onScreen starts davit in a directory, on a terminal with this many columns.
func onScreen(t *testing.T, columns uint16, dir string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		clients.Missing(t, "no pseudo-terminals: %v", err)
	}
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		clients.Missing(t, "no pseudo-terminals: %v", err)
	}
	defer slave.Close()
	cmd := exec.Command("davit", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = slave, slave, slave, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, tty: master, cmd: cmd, more: make(chan struct{}, 1), done: make(chan struct{})}
	go term.watch()
	t.Cleanup(func() { cmd.Process.Kill(); <-term.done; master.Close() })
	return term
}

// watch reads the output until the last process closes the terminal.
func (c *terminal) watch() {
	defer close(c.done)
	buf := make([]byte, 4096)
	for {
		n, err := c.tty.Read(buf)
		c.mu.Lock()
		c.seen.Write(buf[:n])
		c.mu.Unlock()
		select {
		case c.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// text returns the output so far.
func (c *terminal) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen.String()
}

// expect waits for a text in the output.
func (c *terminal) expect(text string) {
	c.t.Helper()
	for !strings.Contains(c.text(), text) {
		select {
		case <-c.more:
		case <-c.done:
			if !strings.Contains(c.text(), text) {
				c.t.Fatalf("no %q in the output:\n%s", text, c.text())
			}
		}
	}
}

// waitNoEcho waits until the terminal stops echoing.
func (c *terminal) waitNoEcho() {
	c.t.Helper()
	for {
		mode, err := unix.IoctlGetTermios(int(c.tty.Fd()), unix.TCGETS)
		if err != nil {
			c.t.Fatal(err)
		}
		if mode.Lflag&unix.ECHO == 0 {
			return
		}
		runtime.Gosched()
	}
}

// typeKeys sends keys to the terminal.
func (c *terminal) typeKeys(keys string) {
	c.t.Helper()
	if _, err := c.tty.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// waitExit waits until davit exits, and checks its exit code.
func (c *terminal) waitExit(want exit.Code) {
	c.t.Helper()
	err := c.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	<-c.done
	if got := c.cmd.ProcessState.ExitCode(); got != int(want) {
		c.t.Errorf("got exit status %d, want %d:\n%s", got, want, c.text())
	}
}

func TestTerminal(t *testing.T) {
	t.Setenv("DAVIT_CACHE_DIR", t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	registry := registrytest.Start(t, registrytest.Options{Auth: registrytest.Basic})
	t.Run("password prompt without echo", func(t *testing.T) {
		c := onTerminal(t, "login", registry.Host)
		c.expect("username: ")
		c.typeKeys("test\n")
		c.expect("password: ")
		c.waitNoEcho()
		c.typeKeys("secret\n")
		c.waitExit(exit.Done)
		if got := c.text(); !strings.Contains(got, "logged in to") || strings.Contains(got, "secret") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("interrupt at the password prompt", func(t *testing.T) {
		c := onTerminal(t, "login", registry.Host, "--username", "test")
		c.expect("password: ")
		c.waitNoEcho()
		c.typeKeys("\x03")
		c.waitExit(exit.Interrupted)
	})
	file := filepath.Join(t.TempDir(), "big.bin")
	if err := os.WriteFile(file, bytes.Repeat([]byte("davit"), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("bars", func(t *testing.T) {
		release := make(chan struct{})
		registry.Inject("POST uploads", faults.Always, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-release
				next.ServeHTTP(w, r)
			})
		})
		c := onTerminal(t, "push", file, registry.Host+"/app:1")
		c.expect("0 of 1 blob")
		close(release)
		c.waitExit(exit.Done)
		registry.Heal()
		if _, shown, _ := strings.Cut(c.text(), "pushed "); !strings.HasPrefix(strings.TrimSpace(shown), registry.Host+"/app:1") {
			t.Errorf("got %q", c.text())
		}
	})
	t.Run("interrupted bars", func(t *testing.T) {
		release := make(chan struct{})
		registry.Inject("POST uploads", faults.Always, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })
		})
		c := onTerminal(t, "push", file, registry.Host+"/interrupted:1")
		c.expect("0 of 1 blob")
		c.typeKeys("\x03")
		c.waitExit(exit.Interrupted)
		close(release)
		registry.Heal()
		_, after, echoed := strings.Cut(c.text(), "^C") // echoed by the terminal itself, below the bars
		if !echoed || !strings.HasPrefix(after, "\r\x1b[2A") || !strings.Contains(after, "interrupted") {
			t.Errorf("got %q", c.text())
		}
	})
	t.Run("delete asks", func(t *testing.T) {
		c := onTerminal(t, "delete", registry.Host+"/app:1")
		c.expect("[y/N] ")
		c.typeKeys("n\n")
		c.waitExit(exit.No)
		c = onTerminal(t, "delete", registry.Host+"/app:1")
		c.expect("[y/N] ")
		c.typeKeys("\x03")
		c.waitExit(exit.Interrupted)
		c = onTerminal(t, "delete", registry.Host+"/app:1")
		c.expect("[y/N] ")
		c.typeKeys("yes\n")
		c.waitExit(exit.Done)
		if _, _, _, ok := registry.Manifest("app", "1"); ok {
			t.Error("the deleted tag exists")
		}
		one := registry.Host + "/tagged:1"
		onTerminal(t, "push", "-q", file, one, "--tag", "2").waitExit(exit.Done)
		digest := strings.TrimSpace(davit(t, "resolve", one))
		c = onTerminal(t, "delete", registry.Host+"/tagged@"+digest)
		c.expect("every tag of it: 1, 2? [y/N] ")
		c.typeKeys("y\n")
		c.waitExit(exit.Done)
	})
	t.Run("detach asks before it removes several referrers", func(t *testing.T) {
		subject := registry.Host + "/app:2"
		onTerminal(t, "push", "-q", file, subject).waitExit(exit.Done)
		attach := func(names ...string) {
			for _, name := range names {
				page := filepath.Join(t.TempDir(), name+".md")
				if err := os.WriteFile(page, []byte("# "+name+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				onTerminal(t, "attach", "-q", "--kind", "runbook", page, subject).waitExit(exit.Done)
			}
		}
		attach("one", "two", "three")
		c := onTerminal(t, "detach", subject, "--kind", "runbook")
		c.expect("detach 3 referrers (3 runbook) from " + subject + "? [y/N] ")
		c.typeKeys("n\n")
		c.waitExit(exit.No)
		c = onTerminal(t, "detach", subject, "--keep", "0", "--yes", "--dry-run")
		c.waitExit(exit.Done)
		if got := c.text(); strings.Count(got, "would detach") != 3 {
			t.Errorf("after the answer no: %q", got)
		}
		c = onTerminal(t, "detach", subject, "--kind", "runbook", "--yes")
		c.waitExit(exit.Done)
		attach("one")
		c = onTerminal(t, "detach", subject, "--kind", "runbook") // only one referrer matches
		c.waitExit(exit.Done)
		if got := c.text(); strings.Contains(got, "[y/N]") {
			t.Errorf("asked before removing one referrer: %q", got)
		}
	})
}
