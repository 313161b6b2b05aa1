package registry

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
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/manifest"
	rt "github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := map[string]time.Duration{
		"":     0,
		"0":    0,
		"7":    7 * time.Second,
		"3600": time.Minute,
		"-5":   0,
		"soon": 0,
		now.Add(9 * time.Second).Format(http.TimeFormat):  9 * time.Second,
		now.Add(-9 * time.Second).Format(http.TimeFormat): 0,
		now.Add(time.Hour).Format(http.TimeFormat):        time.Minute,
	}
	for value, want := range tests {
		if got := retryAfter(value, now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", value, got, want)
		}
	}
}

func TestRequestsAreRepeated(t *testing.T) {
	t.Parallel()
	date := time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
	faults := map[string]rt.Fault{
		"408": rt.Status(408), "429": rt.Status(429), "429 with seconds": rt.Status(429, "Retry-After", "1"),
		"503 with a date": rt.Status(503, "Retry-After", date), "500": rt.Status(500), "502": rt.Status(502),
		"504": rt.Status(504), "reset": rt.Drop(), "cut answer": rt.Close(10),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{NoReferrers: true})
			repo := open(t, Options{}, g.Host, "a/b", Write)
			for _, op := range []string{"HEAD manifest", "GET manifest", "PUT manifest", "POST uploads", "PUT upload", "GET tags"} {
				g.Inject(op, rt.First(2), fault)
			}
			desc, _, err := pushArtifact(t.Context(), repo, "x", nil)
			if err == nil {
				err = repo.Tag(t.Context(), desc, "v1")
			}
			if err != nil {
				t.Fatal(err)
			}
			reader := open(t, Options{}, g.Host, "a/b", Read)
			if got, err := reader.Resolve(t.Context(), "v1"); err != nil || got.Digest != desc.Digest {
				t.Errorf("Resolve = %v, %v", got, err)
			}
			if _, _, err := reader.FetchReference(t.Context(), "v1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 405, 501} {
		g := rt.Start(t, rt.Options{})
		g.Inject("", rt.Always, rt.Status(status))
		repo := open(t, Options{}, g.Host, "a/b", Read)
		if _, err := repo.Resolve(t.Context(), "v1"); err == nil {
			t.Errorf("%d is no error", status)
		}
		if n := g.Count(); n != 1 {
			t.Errorf("%d: asked %d times, want once", status, n)
		}
	}
}

func TestRetryAfterHoldsForAll(t *testing.T) {
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
	repo := open(t, Options{}, strings.TrimPrefix(server.URL, "http://"), "a/b", Read)
	if _, err := repo.Resolve(t.Context(), "first"); !errors.Is(err, errdef.ErrNotFound) {
		t.Fatal(err)
	}
	if early > 0 {
		t.Errorf("%d requests came before the registry wanted them", early)
	}
	gate := repo.api.client.transport.gate(repo.api.origin.Host)
	if !gate.answered() || gate.until().IsZero() {
		t.Error("the wait is not shared")
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{})
	g.Inject("", rt.Always, rt.Answer(503, `{"errors":[{"code":"UNAVAILABLE","message":"down for\n\u001b[31mrepairs"}]}`))
	repo := open(t, Options{RetryFor: 300 * time.Millisecond}, g.Host, "a/b", Read)
	_, _, err := repo.FetchReference(t.Context(), "v1")
	var u *Unavailable
	if !errors.As(err, &u) || u.Answer.Status != 503 || u.Host != g.Host {
		t.Fatalf("got %v, want *Unavailable with 503", err)
	}
	want := fmt.Sprintf("fetching %s/a/b:v1: GET http://%s/v2/a/b/manifests/v1: 503 Service Unavailable: unavailable: down for [31mrepairs", g.Host, g.Host)
	if err.Error() != want {
		t.Errorf("got  %q\nwant %q", err, want)
	}
	if n := g.Count(); n < 2 {
		t.Errorf("asked %d times, want more", n)
	}
}

func TestManifestsAreChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]rt.Fault{
		"flipped bit":        rt.FlipBit(20),
		"other digest":       rt.Header("Docker-Content-Digest", string(digest.FromString("x"))),
		"other Content-Type": rt.Header("Content-Type", ocispec.MediaTypeImageIndex),
		"page":               rt.Answer(200, "<html>log in</html>", "Content-Type", "text/html"),
		"both":               rt.Answer(200, `{"schemaVersion":2,"layers":[],"manifests":[]}`, "Content-Type", ocispec.MediaTypeImageManifest),
		"too large":          rt.Answer(200, strings.Repeat(" ", manifest.MaxSize+1), "Content-Type", ocispec.MediaTypeImageManifest),
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			repo := open(t, Options{}, g.Host, "a/b", Write)
			desc, _, err := pushArtifact(t.Context(), repo, "x", nil)
			if err == nil {
				err = repo.Tag(t.Context(), desc, "v1")
			}
			if err != nil {
				t.Fatal(err)
			}
			g.Inject("GET manifest", rt.First(4), fault)
			reader := open(t, Options{}, g.Host, "a/b", Read)
			_, _, errTag := reader.FetchReference(t.Context(), "v1")
			_, errDigest := reader.Fetch(t.Context(), desc)
			for _, err := range []error{errTag, errDigest} {
				if !errors.Is(err, artifact.ErrRefused) {
					t.Errorf("got %v, want ErrRefused", err)
				}
			}
			g.Heal()
			g.Inject("GET manifest", rt.First(1), fault)
			if _, _, err := reader.FetchReference(t.Context(), "v1"); err != nil {
				t.Errorf("damaged once: %v", err)
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
	data := random(small)
	g.AddBlob("a/b", data)
	g.Inject("GET blob", rt.Always, rt.Redirect(g.Also(t, false)))
	repo := open(t, Options{Security: Security{CAFile: ca}}, g.Host, "a/b", Read)
	_, err := fetchInto(t.Context(), t, repo, describe(data), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "https to http") || g.Count("store") != 0 {
		t.Errorf("got %v, want a refusal, and no request of the other host", err)
	}
}

func TestUnknownAuthority(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{TLS: true})
	_, err := open(t, Options{Security: Security{TLS: true}}, g.Host, "a/b", Read).Resolve(t.Context(), "x")
	var u *Unavailable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("got %v, want *Unavailable for an unknown authority", err)
	}
	_, err = open(t, Options{Security: Security{Insecure: true}}, g.Host, "a/b", Read).Resolve(t.Context(), "x")
	if !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("unchecked: %v, want ErrNotFound", err)
	}
	_, err = open(t, Options{}, g.Host, "a/b", Read).Resolve(t.Context(), "x")
	if !errors.As(err, &u) {
		t.Errorf("plain HTTP to TLS: %v, want *Unavailable", err)
	}
}

func TestRealmIsChecked(t *testing.T) {
	t.Parallel()
	var asked bool
	internal := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer internal.Close()
	realm := strings.Replace(internal.URL, "127.0.0.1", "127.0.0.2", 1) + "/token"
	g := rt.Start(t, rt.Options{})
	g.Inject("", rt.Always, rt.Status(401, "WWW-Authenticate", fmt.Sprintf("Bearer realm=%q,service=x", realm)))
	_, err := open(t, Options{Credentials: Credentials{Username: "u", Password: "p"}}, g.Host, "a/b", Read).Resolve(t.Context(), "x")
	var denied *Denied
	if !errors.As(err, &denied) || asked {
		t.Errorf("got %v, token server asked: %v; want *Denied, unasked", err, asked)
	}
}

func TestOneTokenForAPush(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{Auth: rt.Token})
	repo := open(t, Options{Credentials: Credentials{Username: "test", Password: "secret"}}, g.Host, "a/b", Write)
	if _, _, err := pushArtifact(t.Context(), repo, "x", nil); err != nil {
		t.Fatal(err)
	}
	if n := g.Count("token"); n != 1 {
		t.Errorf("%d tokens were asked for, want 1", n)
	}
}

func TestTinyPull(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{})
	repo := open(t, Options{}, g.Host, "a/b", Write)
	desc, _, err := pushArtifact(t.Context(), repo, "hello", nil)
	if err == nil {
		err = repo.Tag(t.Context(), desc, "v1")
	}
	if err != nil {
		t.Fatal(err)
	}
	g.ResetLog()
	reader := open(t, Options{}, g.Host, "a/b", Read)
	if _, _, err := reader.FetchReference(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	layer := content.NewDescriptorFromBytes("text/plain", []byte("hello"))
	if _, err := fetchInto(t.Context(), t, reader, layer, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	requests := g.Requests()
	if len(requests) != 2 || requests[0].Conn != requests[1].Conn {
		t.Errorf("%d requests, want 2 on one connection", len(requests))
	}
}

func TestFetchMendsItself(t *testing.T) {
	t.Parallel()
	data := random(medium)
	desc := describe(data)
	for name, fault := range map[string]rt.Fault{"reset": rt.Reset(3 << 20), "closed": rt.Close(3 << 20), "stalled": rt.Stall(3 << 20)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			g.AddBlob("a/b", data)
			g.Inject("GET blob", rt.First(2), fault)
			repo := open(t, Options{Stall: time.Second}, g.Host, "a/b", Read)
			if got, err := content.FetchAll(t.Context(), repo, desc); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			rc, err := repo.FetchRange(t.Context(), desc, 1000, 5000)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rc.Close() }()
			if got, err := io.ReadAll(rc); err != nil || !bytes.Equal(got, data[1000:6000]) {
				t.Errorf("a range: %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{Auth: rt.Token, Username: "me", Password: "hunter2"})
	var mu sync.Mutex
	var lines []string
	repo := open(t, Options{Credentials: Credentials{Username: "me", Password: "hunter2"}, Trace: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}}, g.Host, "a/b", Write)
	if _, _, err := pushArtifact(t.Context(), repo, "x", nil); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(lines, "\n")
	basic := base64.StdEncoding.EncodeToString([]byte("me:hunter2"))
	if strings.Contains(all, "hunter2") || strings.Contains(all, basic) || strings.Contains(all, "Bearer") {
		t.Errorf("a secret is in the trace:\n%s", all)
	}
	if len(lines) != g.Count() || !strings.Contains(all, "PUT http://"+g.Host+"/v2/a/b/manifests/sha256:") {
		t.Errorf("%d lines for %d requests:\n%s", len(lines), g.Count(), all)
	}
}

func TestDockerConfig(t *testing.T) {
	t.Parallel()
	basic := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	path := filepath.Join(t.TempDir(), "config.json")
	config := `{"auths":{
		"plain.example":{"auth":"` + basic("a:b:c") + `"},
		"https://old.example/v1/":{"auth":"` + basic("old:pw") + `"},
		"ns.example/team":{"auth":"` + basic("team:pw") + `"},
		"ns.example":{"auth":"` + basic("all:pw") + `"},
		"only.example/team":{"auth":"` + basic("team:pw") + `"},
		"token.example":{"identitytoken":"idt"},
		"empty.example":{},
		"bad.example":{"auth":"!"},
		"https://index.docker.io/v1/":{"auth":"` + basic("hub:pw") + `"}},
		"credHelpers":{"evil.example":"../evil"}}`
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := readDockerConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	user := func(name, password string) auth.Credential {
		return auth.Credential{Username: name, Password: password}
	}
	tests := []struct {
		host, repository string
		want             auth.Credential
		fails            bool
	}{
		{"plain.example", "a/b", user("a", "b:c"), false},
		{"old.example", "a/b", user("old", "pw"), false},
		{"ns.example", "team/app", user("team", "pw"), false},
		{"ns.example", "teams/app", user("all", "pw"), false},
		{"only.example", "other/app", auth.EmptyCredential, false},
		{"token.example", "a", auth.Credential{RefreshToken: "idt"}, false},
		{"empty.example", "a", auth.EmptyCredential, false},
		{"registry-1.docker.io", "library/x", user("hub", "pw"), false},
		{"plain.example:8080", "a", auth.EmptyCredential, false},
		{"bad.example", "a", auth.EmptyCredential, true},
		{"evil.example", "a", auth.EmptyCredential, true},
	}
	for _, tt := range tests {
		got, err := d.lookup(t.Context(), tt.host, tt.repository)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s/%s: %+v, %v, want %+v", tt.host, tt.repository, got, err, tt.want)
		}
	}
	if _, err := readDockerConfig(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("no file: %v", err)
	}
}

func TestCredentialHelper(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\nread host\ncase $host in *.example:5000) echo '{\"Username\":\"u\",\"Secret\":\"'$host'\"}';; *) echo 'credentials not found in native keychain'; exit 1;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	d := &dockerConfig{CredsStore: "test"}
	got, err := d.lookup(t.Context(), "a.example:5000", "x")
	if want := (auth.Credential{Username: "u", Password: "a.example:5000"}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := d.lookup(t.Context(), "other", "x"); got != auth.EmptyCredential || err != nil {
		t.Errorf("a host without credentials: %+v, %v", got, err)
	}
	d.CredsStore = "missing"
	var denied *Denied
	if _, err := d.lookup(t.Context(), "other", "x"); !errors.As(err, &denied) {
		t.Errorf("a helper that is missing: %v, want *Denied", err)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]clients.Auth{"basic": clients.Basic, "token": clients.Token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := clients.Distribution(t, clients.Options{Auth: kind})
			config := filepath.Join(t.TempDir(), "docker", "config.json")
			var denied *Denied
			if _, err := New(Options{Credentials: Credentials{File: config}}).Login(t.Context(), server.Host, server.Username, "wrong"); !errors.As(err, &denied) {
				t.Fatalf("wrong password: %v, want *Denied", err)
			}
			if _, err := os.Stat(config); err == nil {
				t.Fatal("a wrong password was kept")
			}
			where, err := New(Options{Credentials: Credentials{File: config}}).Login(t.Context(), server.Host, server.Username, server.Password)
			if err != nil || where != config {
				t.Fatalf("Login = %q, %v, want %q", where, err, config)
			}
			if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the file: %v, %v, want mode 0600", info.Mode(), err)
			}
			if _, _, err := pushArtifact(t.Context(), open(t, Options{Credentials: Credentials{File: config}}, server.Host, "a/b", Write), "x", nil); err != nil {
				t.Errorf("with what was kept: %v", err)
			}
			if err := New(Options{Credentials: Credentials{File: config}}).Logout(t.Context(), server.Host); err != nil {
				t.Error(err)
			}
			if err := New(Options{Credentials: Credentials{File: config}}).Logout(t.Context(), server.Host); !errors.Is(err, errdef.ErrNotFound) {
				t.Errorf("logged out twice: %v, want ErrNotFound", err)
			}
		})
	}
}

// TestSpans compares the set with one that is simple.
func TestSpans(t *testing.T) {
	t.Parallel()
	const size = 60
	for seed := range 200 {
		var set spans
		var simple [size]bool
		data := random(64)
		for i := 0; i+2 < len(data); i += 3 {
			from, to := int64(data[i]+byte(seed))%size, int64(data[i+1])%size
			from, to = min(from, to), max(from, to)
			if data[i+2]%3 == 0 {
				set = set.remove(from, to)
			} else {
				set = set.add(from, to)
			}
			for j := from; j < to; j++ {
				simple[j] = data[i+2]%3 != 0
			}
		}
		var total int64
		for i, in := range simple {
			if in {
				total++
			}
			if reaches := set.reach(int64(i)) > int64(i); reaches != in {
				t.Fatalf("seed %d: byte %d: %v, want %v in %v", seed, i, reaches, in, set)
			}
		}
		if set.total() != total || !set.valid(size) {
			t.Fatalf("seed %d: %v has %d bytes, want %d", seed, set, set.total(), total)
		}
	}
}
