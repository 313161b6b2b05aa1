package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	"github.com/davit-oci/davit/internal/serve/web"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// slowSite is a server of pages about a registry that delays some responses.
type slowSite struct {
	*httptest.Server
	registry *registrytest.Registry
	open     chan struct{} // closed to end the delay
}

// newSlowSite serves pages about an artifact with an attachment. The registry delays all responses to one operation.
func newSlowSite(t *testing.T, slow string) *slowSite {
	t.Helper()
	s := &slowSite{registry: registrytest.Start(t, registrytest.Options{}), open: make(chan struct{})}
	target, err := registry.New(registry.Options{}).Open(t.Context(), registry.Reference{Registry: s.registry.Host, Repository: "team/thing"}, registry.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(context.Background(), nil) })
	artifacts := store{t, target}
	subject := artifacts.manifest("1.0", ocispec.Manifest{Layers: []ocispec.Descriptor{artifacts.blob("text/markdown", "README.md", "# The document")}})
	artifacts.manifest("", ocispec.Manifest{ArtifactType: "application/vnd.example.note", Subject: &subject, Layers: []ocispec.Descriptor{artifacts.blob("text/plain", "n", "n")}})
	s.registry.Inject(slow, faults.Always, faults.Before(func(r *http.Request) {
		select {
		case <-s.open:
		case <-r.Context().Done():
		}
	}))
	s.Server = httptest.NewServer(web.New(targets{"team/thing": target}, web.Options{HeadTimeout: 200 * time.Millisecond}))
	t.Cleanup(s.Close)
	return s
}

// reading is a response that is being read.
type reading struct {
	testing.TB
	*http.Response
	text strings.Builder
}

// start requests a page.
func (s *slowSite) start(t *testing.T, path string) *reading {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html")
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return &reading{TB: t, Response: response}
}

// readUntil reads until the response contains text, or to the end if text is empty. It returns the text that was read so far.
func (r *reading) readUntil(text string) string {
	r.Helper()
	buf := make([]byte, 1<<10)
	for text == "" || !strings.Contains(r.text.String(), text) {
		n, err := r.Body.Read(buf)
		r.text.Write(buf[:n])
		if err == io.EOF && text == "" {
			break
		}
		if err != nil {
			r.Fatalf("got %v before %q, after %s", err, text, &r.text)
		}
	}
	return r.text.String()
}

// TestSlow checks that parts of a page are sent while the server waits for the registry to send the other parts.
func TestSlow(t *testing.T) {
	t.Parallel()
	for slow, test := range map[string]struct{ path, first, missing string }{
		"GET referrers": {"/r/team/thing:1.0", "The document</h2>", "<h2>Attachments"},
		"GET blob":      {"/r/team/thing:1.0", "<h2>Commands", "The document</h2>"},
		"GET manifest":  {"/r/team/thing:1.0", "not answered yet", "<h1>"},
		"GET tags":      {"/", `href="/r/team/thing"`, "<h2>"},
	} {
		t.Run(slow, func(t *testing.T) {
			t.Parallel()
			s := newSlowSite(t, slow)
			page := s.start(t, test.path)
			if got := page.readUntil(test.first); strings.Contains(got, test.missing) || page.StatusCode != 200 {
				t.Errorf("first part: got %d %s, want 200 without %q", page.StatusCode, got, test.missing)
			}
			close(s.open)
			whole := page.readUntil("")
			if slow != "GET tags" && (!strings.Contains(whole, "The document</h2>") || !strings.Contains(whole, "<h2>Attachments")) {
				t.Errorf("got %s, want the document and the attachments", whole)
			}
			if !strings.Contains(whole, "</html>") {
				t.Errorf("got %s, want a complete page", whole)
			}
		})
	}
}

// TestSilent checks that a page says so if the registry does not answer a request.
func TestSilent(t *testing.T) {
	t.Parallel()
	for slow, path := range map[string]string{"GET referrers": "/r/team/thing:1.0", "GET blob": "/r/team/thing:1.0", "GET manifest": "/r/team/thing"} {
		t.Run(slow, func(t *testing.T) {
			t.Parallel()
			s := newSlowSite(t, slow)
			begin := time.Now()
			whole := s.start(t, path).readUntil("")
			if !strings.Contains(whole, "did not answer in time") || !strings.Contains(whole, "</html>") {
				t.Errorf("got %s, want a complete page with a message", whole)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("the page took %v, want at most 20s", took)
			}
			close(s.open)
		})
	}
}
