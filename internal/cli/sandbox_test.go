//go:build !darwin && !windows

package cli

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/registrytest"
)

// sandbox runs documented commands unchanged. It has a directory with copies of the parts of examples/ that they name, a home
// directory, and two registries, registry.example.com and mirror.example.com, behind a proxy on loopback. It needs a system on
// which Go reads SSL_CERT_FILE.
type sandbox struct {
	dir, home string
	env       []string
	copied    map[string]bool // entries of examples/ that were copied to dir; a script may have removed them
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	clients.Path(t, "sh")
	s := &sandbox{dir: t.TempDir(), home: t.TempDir(), copied: map[string]bool{}}
	certificates := filepath.Join(s.home, "ca.pem")
	hosts := map[string]string{}
	for _, host := range []string{"registry.example.com", "mirror.example.com"} {
		registry := registrytest.Start(t, registrytest.Options{
			TLS: true, Auth: registrytest.Basic, Login: registrytest.Login{Username: "me", Password: "secret"},
		})
		hosts[host+":443"] = registry.Host
		s.write(t, certificates, string(registry.CA)) // all test registries have the same CA
	}
	account := base64.StdEncoding.EncodeToString([]byte("me:secret"))
	s.write(t, filepath.Join(s.home, ".docker", "config.json"), fmt.Sprintf(
		`{"auths": {"registry.example.com": {"auth": %q}, "mirror.example.com": {"auth": %[1]q}}}`, account))
	s.env = []string{
		// Programs that a test replaces come first, before the davit of this test.
		"PATH=" + filepath.Join(s.home, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + s.home,
		"XDG_CACHE_HOME=" + filepath.Join(s.home, ".cache"),
		"GORACE=" + raceOptions,
		"TMPDIR=" + t.TempDir(),
		"HTTPS_PROXY=" + startProxy(t, hosts),
		"SSL_CERT_FILE=" + certificates,
		"DAVIT_RETRY_FOR=5s",
		"DAVIT_ADDR=127.0.0.1:0", // for davit serve and browse without --addr
		"TOKEN=secret", "SECRET=secret", "COSIGN_PASSWORD=secret",
	}
	return s
}

func (s *sandbox) write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

var exampleName = regexp.MustCompile(`\bexamples\b(?:/([\w.-]+))?`)

// copyExamples copies the parts of examples/ that a script names. Copying everything to every sandbox would create tens of thousands
// of files.
func (s *sandbox) copyExamples(t *testing.T, script string) {
	t.Helper()
	const source = "../../examples"
	entries, err := os.ReadDir(source)
	if err != nil {
		t.Fatal(err)
	}
	named, takesAll := map[string]bool{}, false
	for _, m := range exampleName.FindAllStringSubmatch(script, -1) {
		named[m[1]] = true
		takesAll = takesAll || m[1] == "" || filepath.Ext(m[1]) == ".sh" // a script needs other examples
	}
	for _, entry := range entries {
		name := entry.Name()
		if s.copied[name] || !takesAll && !named[name] {
			continue
		}
		s.copied[name] = true
		if entry.IsDir() {
			err = os.CopyFS(filepath.Join(s.dir, "examples", name), os.DirFS(filepath.Join(source, name)))
		} else {
			s.write(t, filepath.Join(s.dir, "examples", name), readFile(t, filepath.Join(source, name)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// copy replaces the directory of s with a copy of other's.
func (s *sandbox) copy(t *testing.T, other *sandbox) {
	t.Helper()
	s.dir, s.copied = t.TempDir(), maps.Clone(other.copied)
	if err := os.CopyFS(s.dir, os.DirFS(other.dir)); err != nil {
		t.Fatal(err)
	}
}

// sh runs a script, and returns its output on both streams and its exit code.
func (s *sandbox) sh(t *testing.T, script string, env ...string) (string, int) {
	t.Helper()
	s.copyExamples(t, script)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = s.dir
	cmd.Env = append(append(cmd.Env, s.env...), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// must runs a script that must succeed.
func (s *sandbox) must(t *testing.T, script string) {
	t.Helper()
	if out, code := s.sh(t, script); code != 0 {
		t.Fatalf("exit code %d:\n%s\n%s", code, script, out)
	}
}

// serve starts "davit serve" or "davit browse", and returns the printed address. The end of the test interrupts davit, which must then
// exit with 0.
func (s *sandbox) serve(t *testing.T, command string) (address string) {
	t.Helper()
	s.copyExamples(t, command)
	cmd := exec.Command("sh", "-c", "exec "+command)
	cmd.Dir, cmd.Env = s.dir, s.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	output := bufio.NewReader(stdout)
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(io.Discard, output) // until davit ends
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, stderr.String())
		}
	})
	for {
		line, err := output.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		if _, after, found := strings.Cut(line, "http://"); found {
			address, _, _ = strings.Cut(strings.TrimSpace(after), " ")
			return address
		}
	}
}

// startProxy starts a proxy that connects the given hosts to servers of the test, and refuses all others.
func startProxy(t *testing.T, hosts map[string]string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, known := hosts[r.Host]
		if r.Method != http.MethodConnect || !known {
			t.Errorf("a command requested %s %s", r.Method, r.Host)
			http.Error(w, "no such host in the sandbox", http.StatusForbidden)
			return
		}
		server, err := net.Dial("tcp", address)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			server.Close()
			t.Error(err)
			return
		}
		join(client, server)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// join copies bytes in both directions until both sides close.
func join(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // a broken connection ends it
			_ = way[0].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
}

// lines returns the nonempty lines of a text, trimmed.
func lines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}
