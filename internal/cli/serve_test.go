package cli

import (
	"bufio"
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/serve"
	"github.com/rogpeppe/go-internal/testscript"
)

// serveLayout serves a new writable layout until the test ends.
func serveLayout(t *testing.T) (host string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	dir := filepath.Join(t.TempDir(), "oci")
	server, err := serve.Open(ctx, registry.New(registry.Options{}).Open, dir, serve.Options{Write: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// scriptServers are the running servers of scripts, by work directory and variable.
type scriptServers struct {
	mu   sync.Mutex
	cmds map[string]*exec.Cmd
}

// start implements the script command "serving VAR PATH [FLAG...]": it serves PATH until "stopped VAR", and sets VAR to the
// address. Standard error goes to the file VAR.log.
func (s *scriptServers) start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: serving VAR PATH [FLAG...]")
	}
	cmd := exec.Command("davit", append([]string{"serve", "--addr=127.0.0.1:0"}, args[1:]...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "XDG_CACHE_HOME="+ts.Getenv("XDG_CACHE_HOME"))
	log, err := os.Create(filepath.Join(cmd.Dir, args[0]+".log"))
	ts.Check(err)
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	s.set(ts, args[0], cmd)
	ts.Defer(func() { _ = cmd.Process.Kill() }) // if the script did not stop the server
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	u, err := url.Parse(line[strings.LastIndexByte(line, ' ')+1 : len(line)-1])
	ts.Check(err)
	ts.Setenv(args[0], u.Host)
}

// stop implements the script command "stopped VAR": Ctrl-C must stop the server with exit code 0.
func (s *scriptServers) stop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stopped VAR")
	}
	cmd := s.set(ts, args[0], nil)
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	ts.Check(cmd.Wait())
}

// set stores a server, and returns the previous one.
func (s *scriptServers) set(ts *testscript.TestScript, name string, cmd *exec.Cmd) *exec.Cmd {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := ts.Getenv("WORK") + " " + name
	old := s.cmds[key]
	s.cmds[key] = cmd
	return old
}
