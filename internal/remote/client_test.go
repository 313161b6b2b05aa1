package remote

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/manifest"
	rt "github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

func TestRequestsAreRetried(t *testing.T) {
	t.Parallel()
	date := time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
	failures := map[string]faults.Fault{
		"408": faults.Status(408), "429": faults.Status(429), "429 with seconds": faults.Status(429, "Retry-After", "1"),
		"503 with a date": faults.Status(503, "Retry-After", date), "500": faults.Status(500), "502": faults.Status(502),
		"504": faults.Status(504), "reset": faults.Drop(), "cut response": faults.Close(10),
	}
	for name, fault := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{NoReferrers: true})
			repo := open(t, Options{}, g.Host, "a/b", reference.Write)
			for _, op := range []string{"HEAD manifest", "GET manifest", "PUT manifest", "POST uploads", "PUT upload", "GET tags"} {
				g.Inject(op, faults.First(2), fault)
			}
			desc, _, err := pushArtifact(t.Context(), repo, "x", nil)
			if err == nil {
				err = repo.Tag(t.Context(), desc, "v1")
			}
			if err != nil {
				t.Fatal(err)
			}
			reader := open(t, Options{}, g.Host, "a/b", reference.Read)
			if got, err := reader.Resolve(t.Context(), "v1"); err != nil || got.Digest != desc.Digest {
				t.Errorf("Resolve: got %v, %v, want %v", got, err, desc)
			}
			if _, _, err := reader.FetchReference(t.Context(), "v1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusalsAreNotRetried(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 405, 501} {
		g := rt.Start(t, rt.Options{})
		g.Inject("", faults.Always, faults.Status(status))
		repo := open(t, Options{}, g.Host, "a/b", reference.Read)
		if _, err := repo.Resolve(t.Context(), "v1"); err == nil {
			t.Errorf("status %d: got no error, want one", status)
		}
		want := 2 // HEAD, then GET, because a registry may refuse only HEAD
		if status == 404 {
			want = 1
		}
		if n := g.Count(); n != want {
			t.Errorf("status %d: got %d requests, want %d", status, n, want)
		}
	}
}

func TestRetryAfterAppliesToAllRequests(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var early int
	var until time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if until.IsZero() {
			until = time.Now().Add(time.Second)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if time.Now().Before(until) {
			early++
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	repo := open(t, Options{}, strings.TrimPrefix(server.URL, "http://"), "a/b", reference.Read)
	if _, err := repo.Resolve(t.Context(), "first"); !errors.Is(err, errdef.ErrNotFound) {
		t.Fatal(err)
	}
	if early > 0 {
		t.Errorf("got %d requests before the end of Retry-After, want none", early)
	}
	limiter := repo.api.Client.Transport.Limiter(repo.api.Origin.Host)
	if !limiter.HasAnswered() || limiter.Until().IsZero() {
		t.Error("the limiter of the host: got no pause, want one")
	}
}

func TestRetryFor(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{})
	g.Inject("", faults.Always, faults.Answer(503, `{"errors":[{"code":"UNAVAILABLE","message":"down for\n\u001b[31mrepairs"}]}`))
	repo := open(t, Options{RetryFor: 300 * time.Millisecond}, g.Host, "a/b", reference.Read)
	_, _, err := repo.FetchReference(t.Context(), "v1")
	var u *transport.Unavailable
	if !errors.As(err, &u) || u.Answer.Status != 503 || u.Host != g.Host {
		t.Fatalf("got %v, want *Unavailable with 503", err)
	}
	want := fmt.Sprintf("fetching %s/a/b:v1: GET http://%s/v2/a/b/manifests/v1: 503 Service Unavailable: unavailable: down for [31mrepairs", g.Host, g.Host)
	if err.Error() != want {
		t.Errorf("got  %q\nwant %q", err, want)
	}
	if n := g.Count(); n < 2 {
		t.Errorf("got %d requests, want at least 2", n)
	}
}

func TestManifestsAreChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]faults.Fault{
		"flipped bit":          faults.FlipBit(20),
		"other digest":         faults.Header("Docker-Content-Digest", string(digest.FromString("x"))),
		"other Content-Type":   faults.Header("Content-Type", ocispec.MediaTypeImageIndex),
		"layers and manifests": faults.Answer(200, `{"schemaVersion":2,"layers":[],"manifests":[]}`, "Content-Type", ocispec.MediaTypeImageManifest),
		"too large":            faults.Answer(200, strings.Repeat(" ", manifest.MaxSize+1), "Content-Type", ocispec.MediaTypeImageManifest),
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			repo := open(t, Options{}, g.Host, "a/b", reference.Write)
			desc, _, err := pushArtifact(t.Context(), repo, "x", nil)
			if err == nil {
				err = repo.Tag(t.Context(), desc, "v1")
			}
			if err != nil {
				t.Fatal(err)
			}
			g.Inject("GET manifest", faults.First(4), fault)
			reader := open(t, Options{}, g.Host, "a/b", reference.Read)
			_, _, errTag := reader.FetchReference(t.Context(), "v1")
			_, errDigest := reader.Fetch(t.Context(), desc)
			for _, err := range []error{errTag, errDigest} {
				if !errors.Is(err, artifact.ErrRefused) {
					t.Errorf("got %v, want ErrRefused", err)
				}
			}
			g.Heal()
			g.Inject("GET manifest", faults.First(1), fault)
			if _, _, err := reader.FetchReference(t.Context(), "v1"); err != nil {
				t.Errorf("damaged once: got %v, want no error", err)
			}
		})
	}
}

func TestRedirectsToPlainHTTP(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{TLS: true})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, g.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	data := Random(small)
	g.AddBlob("a/b", data)
	g.Inject("GET blob", faults.Always, faults.Redirect(g.Also(t, false)))
	repo := open(t, Options{Security: transport.Security{CAFile: ca}}, g.Host, "a/b", reference.Read)
	_, err := fetchInto(t.Context(), t, repo, describe(data), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "https to http") || g.Count("store") != 0 {
		t.Errorf("got %v, want an error, and no request to the other host", err)
	}
}

func TestUnknownAuthority(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{TLS: true})
	_, err := open(t, Options{Security: transport.Security{TLS: true}}, g.Host, "a/b", reference.Read).Resolve(t.Context(), "x")
	var u *transport.Unavailable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("got %v, want *Unavailable for an unknown authority", err)
	}
	_, err = open(t, Options{Security: transport.Security{Insecure: true}}, g.Host, "a/b", reference.Read).Resolve(t.Context(), "x")
	if !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("with Insecure: got %v, want ErrNotFound", err)
	}
	_, err = open(t, Options{}, g.Host, "a/b", reference.Read).Resolve(t.Context(), "x")
	if !errors.As(err, &u) {
		t.Errorf("plain HTTP to a TLS port: got %v, want *Unavailable", err)
	}
}

// TestRealmIsChecked checks that a challenge can't make davit send a request to another address of this machine.
func TestRealmIsChecked(t *testing.T) {
	t.Parallel()
	var received bool
	internal := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received = true }))
	defer internal.Close()
	realm := strings.Replace(internal.URL, "127.0.0.1", "127.0.0.2", 1) + "/token"
	g := rt.Start(t, rt.Options{})
	g.Inject("", faults.Always, faults.Status(401, "WWW-Authenticate", fmt.Sprintf("Bearer realm=%q,service=x", realm)))
	_, err := open(t, Options{Credentials: credentials.Options{Username: "u", Password: "p"}}, g.Host, "a/b", reference.Read).Resolve(t.Context(), "x")
	var denied *transport.Denied
	if !errors.As(err, &denied) || received {
		t.Errorf("got %v, a request at the token server: %v, want *Denied, false", err, received)
	}
}

func TestOneTokenForAPush(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{Auth: rt.Token})
	repo := open(t, Options{Credentials: credentials.Options{Username: "test", Password: "secret"}}, g.Host, "a/b", reference.Write)
	if _, _, err := pushArtifact(t.Context(), repo, "x", nil); err != nil {
		t.Fatal(err)
	}
	if n := g.Count("token"); n != 1 {
		t.Errorf("got %d token requests, want 1", n)
	}
}

func TestTinyPull(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{})
	repo := open(t, Options{}, g.Host, "a/b", reference.Write)
	desc, _, err := pushArtifact(t.Context(), repo, "hello", nil)
	if err == nil {
		err = repo.Tag(t.Context(), desc, "v1")
	}
	if err != nil {
		t.Fatal(err)
	}
	g.ResetLog()
	reader := open(t, Options{}, g.Host, "a/b", reference.Read)
	if _, _, err := reader.FetchReference(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	layer := content.NewDescriptorFromBytes("text/plain", []byte("hello"))
	if _, err := fetchInto(t.Context(), t, reader, layer, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	requests := g.Requests()
	if len(requests) != 2 || requests[0].Conn != requests[1].Conn {
		t.Errorf("got %d requests, want 2 on one connection", len(requests))
	}
}

func TestFetchResumes(t *testing.T) {
	t.Parallel()
	data := Random(medium)
	desc := describe(data)
	for name, fault := range map[string]faults.Fault{"reset": faults.Reset(3 << 20), "closed": faults.Close(3 << 20), "stalled": faults.Stall(3 << 20)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			g.AddBlob("a/b", data)
			g.Inject("GET blob", faults.First(2), fault)
			repo := open(t, Options{Stall: time.Second}, g.Host, "a/b", reference.Read)
			if got, err := content.FetchAll(t.Context(), repo, desc); err != nil || !bytes.Equal(got, data) {
				t.Errorf("got %d bytes, %v, want %d", len(got), err, len(data))
			}
			rc, err := repo.FetchRange(t.Context(), desc, 1000, 5000)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rc.Close() }()
			if got, err := io.ReadAll(rc); err != nil || !bytes.Equal(got, data[1000:6000]) {
				t.Errorf("FetchRange: got %d bytes, %v, want 5000", len(got), err)
			}
		})
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{Auth: rt.Token, Login: rt.Login{Username: "me", Password: "hunter2"}})
	var mu sync.Mutex
	var lines []string
	repo := open(t, Options{Credentials: credentials.Options{Username: "me", Password: "hunter2"}, Trace: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}}, g.Host, "a/b", reference.Write)
	if _, _, err := pushArtifact(t.Context(), repo, "x", nil); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(lines, "\n")
	basic := base64.StdEncoding.EncodeToString([]byte("me:hunter2"))
	if strings.Contains(all, "hunter2") || strings.Contains(all, basic) || strings.Contains(all, "Bearer") {
		t.Errorf("got a secret in the trace:\n%s", all)
	}
	if len(lines) != g.Count() || !strings.Contains(all, "PUT http://"+g.Host+"/v2/a/b/manifests/sha256:") {
		t.Errorf("got %d lines for %d requests, want one for each:\n%s", len(lines), g.Count(), all)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]clients.Auth{"basic": clients.Basic, "token": clients.Token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := clients.Distribution(t, clients.Options{Auth: kind})
			config := filepath.Join(t.TempDir(), "docker", "config.json")
			var denied *transport.Denied
			if _, err := New(Options{Credentials: credentials.Options{File: config}}).Login(t.Context(), server.Host, server.Username, "wrong"); !errors.As(err, &denied) {
				t.Fatalf("wrong password: got %v, want *Denied", err)
			}
			if _, err := os.Stat(config); err == nil {
				t.Fatal("a wrong password was stored")
			}
			where, err := New(Options{Credentials: credentials.Options{File: config}}).Login(t.Context(), server.Host, server.Username, server.Password)
			if err != nil || where != config {
				t.Fatalf("Login: got %q, %v, want %q", where, err, config)
			}
			if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the file: got the mode %v, %v, want 0600", info.Mode(), err)
			}
			if _, _, err := pushArtifact(t.Context(), open(t, Options{Credentials: credentials.Options{File: config}}, server.Host, "a/b", reference.Write), "x", nil); err != nil {
				t.Errorf("with the stored credentials: got %v, want no error", err)
			}
			if err := New(Options{Credentials: credentials.Options{File: config}}).Logout(t.Context(), server.Host); err != nil {
				t.Error(err)
			}
			if err := New(Options{Credentials: credentials.Options{File: config}}).Logout(t.Context(), server.Host); !errors.Is(err, errdef.ErrNotFound) {
				t.Errorf("second logout: got %v, want ErrNotFound", err)
			}
		})
	}
}
