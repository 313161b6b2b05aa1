package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/hostconfig"
	"github.com/davit-oci/davit/internal/registrytest"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// rulesOf returns the host rules of a registries.conf with the given text.
func rulesOf(t *testing.T, text string) *hostconfig.Rules {
	t.Helper()
	file := filepath.Join(t.TempDir(), "registries.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return hostconfig.New(hostconfig.Files{Registries: []string{file}})
}

// TestMirrors checks that an artifact can be read with a mirror that works, lacks content, forbids access, corrupts content, or is
// down, and that writes do not go to the mirror.
func TestMirrors(t *testing.T) {
	t.Parallel()
	home := registrytest.Start(t, registrytest.Options{})
	for name, answer := range map[string]func(*http.Response) error{
		"complete":   func(*http.Response) error { return nil },
		"empty":      func(r *http.Response) error { r.StatusCode = http.StatusNotFound; return nil },
		"forbidding": func(r *http.Response) error { r.StatusCode = http.StatusForbidden; return nil },
		"corrupting": func(r *http.Response) error {
			data, err := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(bytes.ToUpper(data)))
			return err
		},
		"down": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := home.Host + "/" + name + "/app"
			subject := pushArtifact(t, opener(t, repository)(), "subject", nil)
			if err := opener(t, repository)().Tag(t.Context(), subject, "v1"); err != nil {
				t.Fatal(err)
			}
			var requests, written atomic.Int64
			proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: home.Host})
			proxy.ModifyResponse = answer
			mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.Method != http.MethodGet && r.Method != http.MethodHead {
					written.Add(1)
				}
				proxy.ServeHTTP(w, r)
			}))
			defer mirror.Close()
			if answer == nil {
				mirror.Close()
			}
			rules := rulesOf(t, fmt.Sprintf("[[registry]]\nlocation = %q\n[[registry.mirror]]\nlocation = %q\n", home.Host, strings.TrimPrefix(mirror.URL, "http://")))
			client := registry.New(registry.Options{Hosts: rules, RetryFor: -1})
			ref, err := registry.Parse(repository)
			if err != nil {
				t.Fatal(err)
			}
			target, err := client.Open(t.Context(), ref, registry.Read)
			if err != nil {
				t.Fatal(err)
			}
			desc, data, err := oras.FetchBytes(t.Context(), target, "v1", oras.DefaultFetchBytesOptions)
			if err != nil || desc.Digest != subject.Digest || len(data) != int(subject.Size) {
				t.Fatalf("got %v, %v, want %v", desc, err, subject)
			}
			inside, err := content.Successors(t.Context(), target, desc)
			if err != nil || len(inside) != 2 {
				t.Fatalf("got %v, %v, want a config and a layer", inside, err)
			}
			for _, blob := range inside {
				if _, err := content.FetchAll(t.Context(), target, blob); err != nil {
					t.Error(err)
				}
				root, err := os.OpenRoot(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				if err := target.(registry.FileFetcher).FetchFile(t.Context(), blob, root, "blob", nil); err != nil {
					t.Error(err)
				}
				root.Close()
				if there, err := target.Exists(t.Context(), blob); err != nil || !there {
					t.Errorf("Exists(%v) = %v, %v, want true", blob, there, err)
				}
			}
			if (requests.Load() > 0) != (answer != nil) {
				t.Errorf("the mirror received %d requests, want some: %t", requests.Load(), answer != nil)
			}
			writable, err := client.Open(t.Context(), ref, registry.Write)
			if err != nil {
				t.Fatal(err)
			}
			before := requests.Load()
			pushArtifact(t, writable, "another", nil)
			if written.Load() > 0 || requests.Load() != before {
				t.Error("the mirror received requests from a client that writes")
			}
		})
	}
}

func TestBlockedRegistry(t *testing.T) {
	t.Parallel()
	client := registry.New(registry.Options{Hosts: rulesOf(t, "[[registry]]\nlocation = \"example.com\"\nblocked = true\n")})
	_, err := client.Open(t.Context(), registry.Reference{Registry: "example.com", Repository: "app"}, registry.Read)
	if !errors.Is(err, artifact.ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

// TestInsecure checks that "insecure = true" permits plain HTTP, and TLS with an untrusted certificate.
func TestInsecure(t *testing.T) {
	t.Parallel()
	for _, tls := range []bool{false, true} {
		home := registrytest.Start(t, registrytest.Options{TLS: tls})
		client := registry.New(registry.Options{Hosts: rulesOf(t, fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", home.Host)), RetryFor: -1})
		target, err := client.Open(t.Context(), registry.Reference{Registry: home.Host, Repository: "app"}, registry.Write)
		if err != nil {
			t.Fatal(err)
		}
		pushArtifact(t, target, "layer", nil)
	}
}

// TestCertDir checks that the certificate of a host in certs.d is trusted.
func TestCertDir(t *testing.T) {
	t.Parallel()
	home := registrytest.Start(t, registrytest.Options{TLS: true})
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, home.Host), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, home.Host, "ca.crt"), home.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(dirs ...string) registry.Target {
		client := registry.New(registry.Options{Hosts: hostconfig.New(hostconfig.Files{CertDirs: dirs}), RetryFor: -1})
		target, err := client.Open(t.Context(), registry.Reference{Registry: home.Host, Repository: "app"}, registry.Write)
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	pushArtifact(t, open(dir), "layer", nil)
	if _, err := oras.PushBytes(t.Context(), open(), "text/plain", []byte("layer")); err == nil {
		t.Error("without certs.d: got no error, want an untrusted certificate")
	}
}
