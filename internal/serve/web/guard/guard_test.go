package guard_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/serve/web/guard"
)

// TestWrap checks which requests reach the pages, and which headers every response has.
func TestWrap(t *testing.T) {
	t.Parallel()
	local, named, remote, secret := guard.Options{}, guard.Options{Hosts: []string{"docs.example.com"}}, guard.Options{Remote: true}, guard.Options{Prefix: "/word"}
	for name, tt := range map[string]struct {
		opts   guard.Options
		url    string
		header string // NAME: VALUE
		status int
	}{
		"local":                 {local, "http://localhost:5000/x", "", 200},
		"address":               {local, "http://127.0.0.1:5000/x", "", 200},
		"IPv6":                  {local, "http://[::1]:5000/x", "", 200},
		"rebound name":          {local, "http://evil.example:5000/x", "", 403},
		"look-alike":            {local, "http://localhost.evil.example/x", "", 403},
		"other address":         {local, "http://192.0.2.1/x", "", 403},
		"allowed name":          {named, "http://DOCS.example.com/x", "", 200},
		"another name":          {named, "http://evil.example/x", "", 403},
		"remote address":        {remote, "http://192.0.2.1:5000/x", "", 200},
		"remote name":           {remote, "http://evil.example/x", "", 403},
		"own origin":            {local, "http://localhost:5000/x", "Origin: http://localhost:5000", 200},
		"other origin":          {local, "http://localhost:5000/x", "Origin: http://localhost:8080", 403},
		"opaque origin":         {local, "http://localhost:5000/x", "Origin: null", 403},
		"page of another site":  {local, "http://localhost:5000/x", "Sec-Fetch-Site: cross-site", 403},
		"page of the same site": {local, "http://localhost:5000/x", "Sec-Fetch-Site: same-origin", 200},
		"prefix":                {secret, "http://localhost:5000/word/x", "", 200},
		"without prefix":        {secret, "http://localhost:5000/x", "", 404},
		"part of prefix":        {secret, "http://localhost:5000/wor", "", 404},
		"more than prefix":      {secret, "http://localhost:5000/words/x", "", 404},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, tt.url, nil)
		if key, value, ok := strings.Cut(tt.header, ": "); ok {
			r.Header.Set(key, value)
		}
		guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }), tt.opts).ServeHTTP(w, r)
		if w.Code != tt.status || w.Code == 200 && w.Body.String() != "/x" {
			t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, tt.status)
		}
		for _, header := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
			if w.Header().Get(header) == "" {
				t.Errorf("%s: got no header %s, want one", name, header)
			}
		}
		if w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: got a cookie, want none", name)
		}
	}
}

// TestFollowedLinks checks that a link on another site can be followed, and that another site can't show a page in a frame.
func TestFollowedLinks(t *testing.T) {
	t.Parallel()
	for dest, status := range map[string]int{"document": 200, "iframe": 403, "object": 403} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://localhost/x", nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", dest)
		guard.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), guard.Options{}).ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: got %d, want %d", dest, w.Code, status)
		}
	}
}

// TestMethods checks that methods other than GET and HEAD are refused.
func TestMethods(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		w := httptest.NewRecorder()
		guard.Wrap(http.NotFoundHandler(), guard.Options{}).ServeHTTP(w, httptest.NewRequest(method, "http://localhost/", nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %d, want 405", method, w.Code)
		}
	}
}
