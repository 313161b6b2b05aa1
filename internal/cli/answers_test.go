package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
)

// TestAnswersAreQuoted checks that an error quotes the response of a registry and names its address, and that its hint fits.
func TestAnswersAreQuoted(t *testing.T) {
	t.Parallel()
	fails := func(status int, code, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			if r.Method != http.MethodHead {
				fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
			}
		}
	}
	absent := fails(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
	posting := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				answer(w, r)
				return
			}
			absent(w, r)
		}
	}
	header := func(status int, name, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(name, value)
			w.WriteHeader(status)
		}
	}
	page404 := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<html>not here</html>")
	}
	listing := func(lists string, answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/_catalog" && strings.Contains(lists, "repositories") || strings.HasSuffix(r.URL.Path, "/tags/list") && strings.Contains(lists, "tags") {
				fmt.Fprint(w, lists)
				return
			}
			answer(w, r)
		}
	}
	tokens := func(contentType, answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/auth/") {
				w.Header().Set("Content-Type", contentType)
				fmt.Fprint(w, answer)
				return
			}
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/auth/token?secret=1",service="x"`, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	aDigest := "sha256:" + strings.Repeat("a", 64)
	tests := []struct {
		name    string
		answer  http.HandlerFunc
		command string
		code    exit.Code
		want    []string // HOST is the registry
	}{
		{"no such repository, pull", fails(404, "NAME_UNKNOWN", "repository 'x/a' does not exist"), "pull HOST/x/a:1 -o DIR", exit.NotFound,
			[]string{"HOST/x/a:1: not found: there is no repository \"x/a\": 404 Not Found: name unknown: repository 'x/a' does not exist\n"}},
		{"no such repository, resolve", fails(404, "NAME_UNKNOWN", "repository 'x/a' does not exist"), "resolve HOST/x/a:1", exit.NotFound,
			[]string{"HOST/x/a:1: not found: there is no repository \"x/a\": 404 Not Found: name unknown: repository 'x/a' does not exist\n"}},
		{"no such repository, by digest", fails(404, "", "no repository x/a"), "ls HOST/x/a@" + aDigest, exit.NotFound,
			[]string{"HOST/x/a@" + aDigest + ": not found: there is no repository \"x/a\": 404 Not Found: no repository x/a\n"}},
		{"repository with a similar name", listing(`{"repositories":["x/b/c","x/ab"]}`, fails(404, "NAME_UNKNOWN", "unknown")), "copy HOST/x/a:1 ./copied", exit.NotFound,
			[]string{"HOST/x/a:1: not found: there is no repository \"x/a\": 404 Not Found: name unknown: unknown\n", `hint: did you mean "HOST/x/ab:1"?`}},
		{"repository with a similar name, tags", listing(`{"repositories":["x/ab"]}`, fails(404, "NAME_UNKNOWN", "unknown")), "tags HOST/x/a", exit.NotFound,
			[]string{"GET http://HOST/v2/x/a/tags/list: 404 Not Found: name unknown: unknown\n", `hint: did you mean "HOST/x/ab"?`}},
		{"only repositories with different names", listing(`{"repositories":["different"]}`, fails(404, "NAME_UNKNOWN", "unknown")), "discover HOST/x/a:1", exit.NotFound,
			[]string{"HOST/x/a:1: not found: there is no repository \"x/a\": ", "hint: \"davit repos HOST\" lists the repositories"}},
		{"a repository without tags", listing(`{"repositories":["x/a"],"tags":[]}`, absent), "inspect HOST/x/a:1", exit.NotFound, []string{"HOST/x/a:1: not found\n", "hint: it has no tags\n"}},
		{"an unknown repository that has no tags", listing(`{"repositories":["x/ab"],"tags":[]}`, absent), "inspect HOST/x/a:1", exit.NotFound, []string{"HOST/x/a:1: not found\n", `hint: did you mean "HOST/x/ab:1"?`}},
		{"no such tag", absent, "resolve HOST/x/a:1", exit.NotFound, []string{"error: HOST/x/a:1: not found\n"}},
		{"purged manifest", fails(404, "MANIFEST_UNKNOWN", "purged by policy 7"), "pull HOST/x/a:1 -o DIR", exit.NotFound, []string{"GET http://HOST/v2/x/a/manifests/1: ", ": manifest unknown: purged by policy 7"}},
		{"not a registry", page404, "pull HOST/x/a:1 -o DIR", exit.NotFound, []string{"HOST/x/a:1: not found: HEAD http://HOST/v2/x/a/manifests/1: 404 Not Found\n"}},
		{"not a registry, by digest", page404, "cat HOST/x/a@" + aDigest + " x", exit.NotFound, []string{": not found: HEAD http://HOST/v2/x/a/manifests/" + aDigest + ": 404 Not Found\n"}},
		{"a proxy that has only tags", listing(`{"tags":["2"]}`, page404), "pull HOST/x/a:1 -o DIR", exit.NotFound,
			[]string{"HOST/x/a:1: not found: GET http://HOST/v2/x/a/manifests/1: 404 Not Found\n", "hint: tags: 2\n"}},
		{"push to a missing repository", fails(404, "NAME_UNKNOWN", "repository 'x/a' does not exist"), "push answers_test.go HOST/x/a:1", exit.NotFound,
			[]string{"POST http://HOST/v2/x/a/blobs/uploads/: 404 Not Found: name unknown: repository 'x/a' does not exist", "hint: create the repository first"}},
		{"push denied by a policy", posting(fails(400, "DENIED", "tags are immutable here")), "push answers_test.go HOST/x/a:1", exit.Network,
			[]string{"POST http://HOST/v2/x/a/blobs/uploads/: 400 Bad Request: denied: tags are immutable here\n"}},
		{"push to a read-only proxy", posting(fails(405, "UNSUPPORTED", "this proxy is read only")), "push answers_test.go HOST/x/a:1", exit.Denied,
			[]string{"POST http://HOST/v2/x/a/blobs/uploads/: 405 Method Not Allowed: unsupported: this proxy is read only\n"}},
		{"sign-in page", header(200, "Content-Type", "text/html"), "resolve HOST/x/a:1", exit.Network, []string{"http://HOST/v2/x/a/manifests/1 answers with a web page (text/html)"}},
		{"sign-in page for a token", tokens("text/html", "<!DOCTYPE html><title>Sign in</title>"), "resolve HOST/x/a:1", exit.Network,
			[]string{": HOST: http://HOST/auth/token answers with a web page, not with a token\n"}},
		{"sign-in page for a token, login", tokens("text/plain", "\n<html>"), "login -u me --password-stdin HOST", exit.Network,
			[]string{": HOST: http://HOST/auth/token answers with a web page, not with a token\n"}},
		{"text for a token", tokens("text/plain", "please sign in"), "push answers_test.go HOST/x/a:1", exit.Network,
			[]string{"http://HOST/auth/token answers with something other than a token: it is not JSON: invalid character 'p'"}},
		{"truncated token", tokens("application/json", `{"token":"abc`), "pull HOST/x/a:1 -o DIR", exit.Network,
			[]string{"http://HOST/auth/token answers with something other than a token: it is not JSON: unexpected EOF\n"}},
		{"empty body for a token", tokens("application/json", ""), "tags HOST/x/a", exit.Network, []string{"http://HOST/auth/token answers with an empty body, not with a token\n"}},
		{"sign-in page for a token, pull", tokens("text/html", "<html>"), "pull HOST/x/a:1 -o DIR", exit.Network, []string{"answers with a web page, not with a token\n"}},
		{"token server out of reach", header(401, "WWW-Authenticate", `Bearer realm="http://127.0.0.1:1/token",service="x"`), "resolve HOST/x/a:1", exit.Network,
			[]string{"the registry sends clients to http://127.0.0.1:1/token: ", "hint: this machine has to reach that address, too"}},
		{"upload address out of reach", posting(header(202, "Location", "http://127.0.0.1:1/v2/x/a/blobs/uploads/1")), "push answers_test.go HOST/x/a:1", exit.Network,
			[]string{"the registry sends uploads to http://127.0.0.1:1/v2/x/a/blobs/uploads/1: ", "hint: this machine has to reach that address, too"}},
		{"a long pause", header(429, "Retry-After", "7200"), "resolve HOST/x/a:1", exit.Network, []string{": 429 Too Many Requests: retry after 2h0m0s"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.answer)
			defer server.Close()
			host := strings.TrimPrefix(server.URL, "http://")
			replace := strings.NewReplacer("HOST", host, "DIR", t.TempDir())
			args := append(strings.Fields(replace.Replace(test.command)), "--retry-for", "-1s")
			var stdout, stderr bytes.Buffer
			code := Run(t.Context(), args, strings.NewReader("password"), &stdout, &stderr)
			if code != int(test.code) || stdout.Len() > 0 {
				t.Errorf("got exit code %d, want %d; got standard output %q, want none", code, test.code, stdout.String())
			}
			for _, want := range test.want {
				if want := replace.Replace(want); !strings.Contains(stderr.String(), want) {
					t.Errorf("no %q in\n%s", want, stderr.String())
				}
			}
			if hinted := strings.Contains(stderr.String(), "hint: "); hinted != strings.Contains(strings.Join(test.want, "\n"), "hint: ") {
				t.Errorf("has a hint: %v, want %v:\n%s", hinted, !hinted, stderr.String())
			}
		})
	}
}
