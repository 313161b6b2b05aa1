//go:build clients

package clients

import (
	"archive/tar"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRegistries(t *testing.T) {
	registries := map[string]func(testing.TB, Options) *Server{"distribution": Distribution, "olareg": Olareg}
	options := map[string]Options{
		"plain": {},
		"basic": {Auth: Basic},
		"token": {Auth: Token},
		"tls":   {TLS: true, Auth: Token},
	}
	for registry, start := range registries {
		for name, opts := range options {
			t.Run(registry+"/"+name, func(t *testing.T) {
				t.Parallel()
				roundTrip(t, start(t, opts))
			})
		}
	}
	t.Run("distribution/clientcerts", func(t *testing.T) {
		t.Parallel()
		s := Distribution(t, Options{ClientCerts: true})
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(read(t, s.CAFile)))
		config := &tls.Config{RootCAs: pool}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
		if _, err := client.Get(s.URL + "/v2/"); err == nil {
			t.Error("a client without a certificate was accepted")
		}
		cert, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{cert}
		if resp, err := client.Get(s.URL + "/v2/"); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("a client with a certificate: got %v, %v, want status 200", resp, err)
		}
	})
	t.Run("shared", func(t *testing.T) {
		if a, b := SharedDistribution(t), SharedDistribution(t); a != b {
			t.Errorf("SharedDistribution returned %s and %s, want one server", a.URL, b.URL)
		}
		roundTrip(t, SharedDistribution(t))
		roundTrip(t, SharedOlareg(t))
	})
}

// roundTrip logs in, pushes an artifact, reads it back and deletes it.
func roundTrip(t *testing.T, s *Server) {
	t.Helper()
	const content = "hello\n"
	ref := s.Host + "/dir/repo:v1"
	regctl := New(t, "regctl")
	if s.CAFile == "" {
		regctl.Run("registry", "set", s.Host, "--skip-check", "--tls", "disabled")
	} else {
		regctl.Run("registry", "set", s.Host, "--skip-check", "--cacert", read(t, s.CAFile))
	}
	if s.Username != "" {
		if _, _, err := regctl.Try("manifest", "get", ref); err == nil || !strings.Contains(err.Error(), "exit status") {
			t.Errorf("reading without credentials: got %v, want an exit status", err)
		}
		regctl.Stdin = strings.NewReader(s.Password)
		regctl.Run("registry", "login", s.Host, "-u", s.Username, "--pass-stdin")
	}
	file := filepath.Join(regctl.Home, "hello.txt")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	regctl.Run("artifact", "put", "--artifact-type", "application/vnd.example", "--file", file, ref)
	if got, _ := regctl.Run("artifact", "get", ref); got != content {
		t.Errorf("regctl artifact get: got %q, want %q", got, content)
	}
	digest, _ := regctl.Run("manifest", "head", ref)
	regctl.Run("manifest", "delete", ref+"@"+strings.TrimSpace(digest))
	if _, _, err := regctl.Try("manifest", "head", ref); err == nil {
		t.Error("the artifact still exists after it was deleted")
	}
}

// TestBasicAuth logs in and pushes with crane, which stores credentials in docker's config.json.
func TestBasicAuth(t *testing.T) {
	s := Olareg(t, Options{Auth: Basic})
	crane := New(t, "crane")
	crane.Stdin = strings.NewReader(s.Password)
	crane.Run("auth", "login", s.Host, "-u", s.Username, "--password-stdin")
	if _, err := os.Stat(filepath.Join(crane.Home, ".docker/config.json")); err != nil {
		t.Error(err)
	}
	tarball := filepath.Join(crane.Home, "empty.tar")
	if err := os.WriteFile(tarball, make([]byte, 1024), 0o600); err != nil {
		t.Fatal(err)
	}
	crane.Run("append", "-f", tarball, "-t", s.Host+"/empty:v1")
}

func TestPodman(t *testing.T) {
	s, podman := SharedDistribution(t), Podman(t)
	const content = "hello\n"
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tarball := filepath.Join(podman.Home, "hello.tar")
	if err := os.WriteFile(tarball, archive.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ref := s.Host + "/podman:v1"
	Run(t, "crane", "append", "-f", tarball, "-t", ref)
	podman.Run("pull", "--tls-verify=false", ref)
	dir, _ := podman.Run("image", "mount", ref)
	if got := read(t, filepath.Join(strings.TrimSpace(dir), "hello")); got != content {
		t.Errorf("podman image mount: got %q, want %q", got, content)
	}
	podman.Run("volume", "create", "v")
	podman.Run("volume", "import", "v", tarball)
	dir, _ = podman.Run("volume", "mount", "v")
	if got := read(t, filepath.Join(strings.TrimSpace(dir), "hello")); got != content {
		t.Errorf("podman volume import: got %q, want %q", got, content)
	}
}

// TestPrograms runs programs that need a server or stand in for a client.
func TestPrograms(t *testing.T) {
	s := SharedDistribution(t)
	t.Run("flux", func(t *testing.T) {
		flux := New(t, "flux")
		if err := os.MkdirAll(filepath.Join(flux.Home, "in"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(flux.Home, "in/a.yaml"), []byte("a: 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		ref := "oci://" + s.Host + "/flux:v1"
		pushed, _ := flux.Run("push", "artifact", ref, "--path", "in", "--source", "https://example.com/r.git", "--revision", "main@sha1:abc")
		if err := os.Mkdir(filepath.Join(flux.Home, "out"), 0o755); err != nil {
			t.Fatal(err)
		}
		flux.Run("pull", "artifact", ref, "--output", "out")
		if got := read(t, filepath.Join(flux.Home, "out/a.yaml")); got != "a: 1\n" {
			t.Errorf("flux pull artifact: got %q, want the pushed file; the push printed %s", got, pushed)
		}
	})
	t.Run("dmr", func(t *testing.T) {
		dmr := ModelRunner(t)
		dmr.Run("list")
		_, stderr, err := dmr.Try("pull", s.Host+"/none:v1")
		if err == nil || !strings.Contains(stderr, "404") {
			t.Errorf("dmr pull of a missing model: got %v, want an error with 404\n%s", err, stderr)
		}
	})
	t.Run("podman-artifact", func(t *testing.T) {
		podman := New(t, "podman-artifact")
		if err := os.WriteFile(filepath.Join(podman.Home, "a.txt"), []byte("a\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		ref := s.Host + "/podman-artifact:v1"
		podman.Run("add", "--type", "application/vnd.example", ref, "a.txt")
		podman.Run("push", ref)
		podman = New(t, "podman-artifact")
		podman.Run("pull", ref)
		mounts, _ := podman.Run("mount", ref)
		name, source, _ := strings.Cut(strings.TrimSpace(mounts), " ")
		if name != "a.txt" || read(t, source) != "a\n" {
			t.Errorf("podman-artifact mount: got %s, want a.txt and its path", mounts)
		}
		podman.Run("extract", ref, podman.Home)
		if got := read(t, filepath.Join(podman.Home, "a.txt")); got != "a\n" {
			t.Errorf("podman-artifact extract: got %q, want a", got)
		}
	})
}

// TestReferrersAPI checks that olareg has the referrers API, and distribution does not.
func TestReferrersAPI(t *testing.T) {
	for _, tt := range []struct {
		server *Server
		status int
	}{{SharedDistribution(t), http.StatusNotFound}, {SharedOlareg(t), http.StatusOK}} {
		resp, err := http.Get(tt.server.URL + "/v2/none/referrers/sha256:" + strings.Repeat("0", 64))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s: got status %s, want %d", resp.Request.URL, resp.Status, tt.status)
		}
	}
}

// TestReadOnly checks that a read-only registry refuses an upload.
func TestReadOnly(t *testing.T) {
	for _, s := range []*Server{Distribution(t, Options{ReadOnly: true}), Olareg(t, Options{ReadOnly: true})} {
		resp, err := http.Post(s.URL+"/v2/a/blobs/uploads/", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%s: got status %s for an upload, want 400 or more", s.URL, resp.Status)
		}
	}
}

// TestIdentityToken requests a token with a refresh token, as docker does after a login.
func TestIdentityToken(t *testing.T) {
	s := Distribution(t, Options{Auth: Token})
	resp, err := http.Get(s.URL + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	_, realm, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), `realm="`)
	realm, _, _ = strings.Cut(realm, `"`)
	form := map[string][]string{
		"grant_type": {"refresh_token"}, "refresh_token": {refreshToken},
		"service": {tokenService}, "scope": {"repository:a:pull"},
	}
	resp, err = http.PostForm(realm, form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: got status %s, want 200", realm, resp.Status)
	}
}

// TestPath checks that Path finds a client among the npm packages of the tools, and skips a test whose client is missing.
func TestPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DAVIT_TOOLS", dir)
	t.Setenv("DAVIT_REQUIRE_CLIENTS", "")
	if err := os.MkdirAll(filepath.Join(dir, "npm/node_modules/.bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(dir, "npm/node_modules/.bin/davit-test-client")
	if err := os.WriteFile(want, []byte("#!/bin/sh\necho \"$HOME\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Path(t, "davit-test-client"); got != want {
		t.Errorf("Path: got %s, want %s", got, want)
	}
	c := New(t, "davit-test-client")
	if got, _ := c.Run(); strings.TrimSpace(got) != c.Home {
		t.Errorf("HOME: got %q, want %q", got, c.Home)
	}
	t.Run("missing", func(t *testing.T) {
		defer func() {
			if !t.Skipped() {
				t.Error("the test of a missing client is not skipped")
			}
		}()
		Path(t, "davit-no-such-client")
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
