package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/opencontainers/go-digest"
)

// TestStop checks that a stopping server finishes active requests, and removes the files of unfinished uploads.
func TestStop(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	stopping := make(chan int, 1)
	r := start(t, dir, Options{Write: true, Stopping: func(n int) { stopping <- n }})
	r.pushManifest("oci", "1.0", "x", nil)
	at := r.want(202, "POST", uploadsPath, nil).header.Get("Location")
	half := r.want(202, "POST", uploadsPath, nil).header.Get("Location")
	r.want(202, "PATCH", half, "half")

	conn := dialUpload(t, r.host, at, "hello", 10)
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	if n := <-stopping; n != 1 {
		t.Errorf("got %d active requests, want 1", n)
	}
	if _, err := io.WriteString(conn, "world"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted || resp.Header.Get("Range") != "0-9" {
		t.Errorf("response to an active request: got %d, Range %s, want 202, 0-9", resp.StatusCode, resp.Header.Get("Range"))
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	checkLayout(t, dir)
}

// dialUpload begins a PATCH, sends the first part of its body, and returns the connection.
func dialUpload(t *testing.T, host, at, first string, length int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	// The server sends 100 Continue when it begins to read the body, so the request is active then.
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", at, host, length)
	line := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(conn, line); err != nil || !strings.Contains(string(line), " 100 ") {
		t.Fatalf("got %q, %v, want 100 Continue", line, err)
	}
	if _, err := io.WriteString(conn, first); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestKilled checks that a server killed during an upload leaves an intact layout, and that the next server removes the partial
// blob.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	host, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	r := &testServer{t: t, host: strings.TrimSpace(host)}
	m, _ := r.pushManifest("oci", "1.0", "x", nil)
	dialUpload(t, r.host, r.want(202, "POST", uploadsPath, nil).header.Get("Location"), "hello", 10)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the error is that the process was killed

	again := start(t, dir, Options{Write: true})
	if a := again.want(200, "GET", "/v2/oci/manifests/1.0", nil); a.header.Get("Docker-Content-Digest") != m.Digest.String() {
		t.Error("the tag refers to another manifest")
	}
	again.want(404, "HEAD", "/v2/oci/blobs/"+digest.FromString("hello").String(), nil)
	again.pushManifest("oci", "2.0", "y", nil)
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	checkLayout(t, dir)
}

// serveVariable is the environment variable that makes the test binary serve the layout at a path instead of running tests.
const serveVariable = "DAVIT_TEST_SERVE"

func TestMain(m *testing.M) {
	dir := os.Getenv(serveVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Open(context.Background(), registry.New(registry.Options{}).Open, dir, Options{Write: true})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	panic(s.Serve(context.Background(), l))
}
