package transport

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func newRequest(t *testing.T, address, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// TestLocalhost checks that names below localhost are dialed at the loopback address, without DNS and without a proxy.
func TestLocalhost(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	tr := New(Options{RetryFor: -1})
	if err := tr.Connect(); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "registry.localhost", "a.b.localhost"} {
		resp, err := tr.Client().Do(newRequest(t, "http://"+host+":"+port, ""))
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		_ = resp.Body.Close()
	}
	for _, addr := range []string{"localhost.example:1", "notlocalhost:1", "10.0.0.1:1", "[::1]:1"} {
		if got := loopbackAddresses(addr); len(got) != 1 || got[0] != addr {
			t.Errorf("loopbackAddresses(%s): got %q, want the same address", addr, got)
		}
	}
}
