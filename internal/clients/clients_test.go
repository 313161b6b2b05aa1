package clients

import (
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
			t.Error("a client without a certificate is let in")
		}
		cert, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{cert}
		if resp, err := client.Get(s.URL + "/v2/"); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("a client with a certificate gets %v, %v", resp, err)
		}
	})
	t.Run("shared", func(t *testing.T) {
		if a, b := SharedDistribution(t), SharedDistribution(t); a != b {
			t.Errorf("SharedDistribution started %s and %s", a.URL, b.URL)
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
			t.Errorf("anonymous reading: %v", err)
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
		t.Errorf("regctl artifact get: %q, want %q", got, content)
	}
	digest, _ := regctl.Run("manifest", "head", ref)
	regctl.Run("manifest", "delete", ref+"@"+strings.TrimSpace(digest))
	if _, _, err := regctl.Try("manifest", "head", ref); err == nil {
		t.Error("the artifact is still there after it was deleted")
	}
}

// TestBasicAuth reads with another client, whose login is docker's file.
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
			t.Errorf("%s: %s, want %d", resp.Request.URL, resp.Status, tt.status)
		}
	}
}

func TestReadOnly(t *testing.T) {
	for _, s := range []*Server{Distribution(t, Options{ReadOnly: true}), Olareg(t, Options{ReadOnly: true})} {
		resp, err := http.Post(s.URL+"/v2/a/blobs/uploads/", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%s takes an upload: %s", s.URL, resp.Status)
		}
	}
}

// TestIdentityToken asks the token server the way docker does after a login.
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
		t.Errorf("%s: %s", realm, resp.Status)
	}
}

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
		t.Errorf("Path: %s, want %s", got, want)
	}
	c := New(t, "davit-test-client")
	if got, _ := c.Run(); strings.TrimSpace(got) != c.Home {
		t.Errorf("HOME is %q, want %q", got, c.Home)
	}
	t.Run("missing", func(t *testing.T) {
		defer func() {
			if !t.Skipped() {
				t.Error("not skipped")
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
