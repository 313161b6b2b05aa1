package transport

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestEchoIsMasked checks that the error has no credentials if a server echoes the request.
func TestEchoIsMasked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":%q}]}`,
			fmt.Sprint("header ", r.Header["Authorization"], " from ", user, " with ", password, " form ", r.FormValue("password"), r.FormValue("refresh_token"),
				" as ", url.QueryEscape(password), " asked for ", r.URL, " with ", r.FormValue("sig"), " at ftp://u:"+password+"@h:1/x?k="+password))
	}))
	defer server.Close()
	transport := New(Options{RetryFor: -1})
	if err := transport.Connect(); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"PASSWORDSECRET", `quo"te\d ü`, "sla/sh+and=", "Basic", "with space"} {
		for name, request := range map[string]func(*http.Request){
			"basic":  func(r *http.Request) { r.SetBasicAuth("user", secret) },
			"bearer": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) },
			"query": func(r *http.Request) {
				r.URL.RawQuery = url.Values{"scope": {"repository:r:pull"}, "sig": {secret}}.Encode()
			},
			"form": func(r *http.Request) {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Method, r.GetBody = http.MethodPost, func() (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader(url.Values{"password": {secret}, "refresh_token": {secret}}.Encode())), nil
				}
				r.Body, _ = r.GetBody()
			},
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v2/", nil)
			if err != nil {
				t.Fatal(err)
			}
			request(req)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			text := Wrap(t.Context(), "host", "pulling", ResponseError(resp)).Error()
			resp.Body.Close()
			if !strings.Contains(text, "header") || strings.Contains(text, secret) && secret != "Basic" ||
				strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("user:"+secret))) {
				t.Errorf("%s, %q: got %s, want the message without the secret", name, secret, text)
			}
		}
	}
}

// TestURLsAreRedacted checks that redact removes the secret parts of URLs, even of invalid URLs.
func TestURLsAreRedacted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`failed to parse Location header "http://AKIA:SECRET@127.0.0.1:bad/obj"`: `failed to parse Location header "http://127.0.0.1:bad/obj"`,
		`realm "ftp://u:SECRET@host/token?k=SECRET" refused`:                     `realm "ftp://host/token" refused`,
		"https://host/obj;token=SECRET?x=SECRET#SECRET and more":                 "https://host/obj and more",
		"s3+x://SECRET@host:80":                                    "s3+x://host:80",
		"https://k:SEC/RET@host/x":                                 "https://host/x",
		"https://k:SEC@RET@host/x":                                 "https://host/x",
		"https://host:5000/v2/a/manifests/@sha256":                 "https://host:5000/v2/a/manifests/@sha256",
		"https://host/@scope/a":                                    "https://host/@scope/a",
		"two http://a:SECRET@b/c?d=SECRET, http://e:SECRET@f":      "two http://b/c http://f",
		"Location: http://u:SECRET\x01@h/\x02?SECRET malformed":    "Location: http://h/\x02 malformed",
		"not a URL: 12:30, a@b":                                    "not a URL: 12:30, a@b",
		`parse "https://user:SECRET%zz@host/": invalid URL escape`: `parse "https://host/": invalid URL escape`,
	} {
		if got := redact(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
