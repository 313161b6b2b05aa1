package credentials

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/remote/transport"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
)

func basic(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func user(name, password string) auth.Credential {
	return auth.Credential{Username: name, Password: password}
}

// write writes a file into a new directory, and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDockerConfig(t *testing.T) {
	t.Parallel()
	path := write(t, "config.json", `{"auths":{
		"plain.example":{"auth":"`+basic("a:b:c")+`"},
		"https://old.example/v1/":{"auth":"`+basic("old:pw")+`"},
		"https://v2.example/v2/":{"auth":"`+basic("v2:pw")+`"},
		"http://http.example":{"auth":"`+basic("http:pw")+`"},
		"ns.example/team":{"auth":"`+basic("team:pw")+`"},
		"ns.example":{"auth":"`+basic("all:pw")+`"},
		"only.example/team":{"auth":"`+basic("team:pw")+`"},
		"Capital.Example":{"auth":"`+basic("capital:pw")+`"},
		"port.example:443":{"auth":"`+basic("port:pw")+`"},
		"https://both.example":{"auth":"`+basic("address:pw")+`"},
		"both.example":{"auth":"`+basic("name:pw")+`"},
		"token.example":{"identitytoken":"idt"},
		"acr.example":{"auth":"`+basic("00000000-0000-0000-0000-000000000000:")+`","identitytoken":"idt"},
		"written.example":{"auth":"`+basic("<token>:")+`","identitytoken":"idt"},
		"bearer.example":{"registrytoken":"rt"},
		"bare.example":{"username":"bare","password":"pw"},
		"empty.example":{},
		"bad.example":{"auth":"!"}},
		"credHelpers":{"evil.example":"../evil","evil.example/x":"a b"}}`)
	for _, test := range []struct {
		host, repository string
		want             auth.Credential
		fails            bool
	}{
		{"plain.example", "a/b", user("a", "b:c"), false},
		{"old.example", "a/b", user("old", "pw"), false},
		{"v2.example", "a/b", user("v2", "pw"), false},
		{"http.example", "a/b", user("http", "pw"), false},
		{"ns.example", "team/app", user("team", "pw"), false},
		{"ns.example", "teams/app", user("all", "pw"), false},
		{"only.example", "other/app", auth.EmptyCredential, false},
		{"capital.example", "a", user("capital", "pw"), false},
		{"PORT.example", "a", user("port", "pw"), false},
		{"plain.example:443", "a", user("a", "b:c"), false},
		{"both.example", "a", user("name", "pw"), false},
		{"token.example", "a", auth.Credential{RefreshToken: "idt"}, false},
		{"acr.example", "a", auth.Credential{Username: "00000000-0000-0000-0000-000000000000", RefreshToken: "idt"}, false},
		{"written.example", "a", auth.Credential{Username: "<token>", RefreshToken: "idt"}, false},
		{"bearer.example", "a", auth.Credential{AccessToken: "rt"}, false},
		{"bare.example", "a", user("bare", "pw"), false},
		{"empty.example", "a", auth.EmptyCredential, false},
		{"plain.example:8080", "a", auth.EmptyCredential, false},
		{"bad.example", "a", auth.EmptyCredential, true},
		{"evil.example", "a", auth.EmptyCredential, true},
		{"evil.example", "x", auth.EmptyCredential, true},
	} {
		got, err := NewStore(Options{File: path}).Find(t.Context(), test.host, test.repository)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%s/%s: got %+v, %v, want %+v, error %v", test.host, test.repository, got, err, test.want, test.fails)
		}
	}
}

// TestDockerHub checks that Find returns credentials for Docker Hub from each key that other tools write.
func TestDockerHub(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"https://index.docker.io/v1/", "https://index.docker.io/v2/", "index.docker.io", "docker.io", "https://docker.io", "registry-1.docker.io",
		"https://registry-1.docker.io/v2/", "docker.io/me", "docker.io/me/app", "index.docker.io/me", "Docker.io",
	} {
		path := write(t, "auth.json", `{"auths":{"`+key+`":{"auth":"`+basic("hub:pw")+`"}}}`)
		for _, host := range []string{"registry-1.docker.io", "docker.io", "index.docker.io"} {
			if got, err := NewStore(Options{File: path}).Find(t.Context(), host, "me/app"); got != user("hub", "pw") || err != nil {
				t.Errorf("%s, key %s: got %+v, %v, want hub", host, key, got, err)
			}
		}
	}
}

// TestFiles checks the order in which inline credentials and files are searched.
func TestFiles(t *testing.T) {
	t.Parallel()
	entry := func(host, name string) string {
		return `{"auths":{"` + host + `":{"auth":"` + basic(name+":pw") + `"}}}`
	}
	none := filepath.Join(t.TempDir(), "none.json")
	opts := Options{Inline: entry("a.example", "inline"), File: write(t, "config.json", "{}\n"), Files: []string{
		none, write(t, "auth.json", " "), write(t, "auth.json", entry("b.example", "second")),
		write(t, ".dockercfg", `{"c.example":{"auth":"`+basic("old:pw")+`","email":"x"},"b.example":{"auth":"`+basic("last:pw")+`"}}`)}}
	for host, name := range map[string]string{"a.example": "inline", "b.example": "second", "c.example": "old"} {
		if got, err := NewStore(opts).Find(t.Context(), host, "x"); got != user(name, "pw") || err != nil {
			t.Errorf("%s: got %+v, %v, want %s", host, got, err, name)
		}
	}
	if got, err := NewStore(opts).Find(t.Context(), "d.example", "x"); got != auth.EmptyCredential || err != nil {
		t.Errorf("host without credentials: got %+v, %v, want none", got, err)
	}
	if _, err := NewStore(Options{File: none, Named: true}).Find(t.Context(), "a.example", "x"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), none) {
		t.Errorf("a named file that does not exist: got %v, want ErrNotExist with its name", err)
	}
	for _, bad := range []Options{{Inline: "{"}, {File: write(t, "config.json", "[]")}, {Files: []string{write(t, "auth.json", "{")}}} {
		if _, err := NewStore(bad).Find(t.Context(), "a.example", "x"); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%+v: got %v, want ErrInvalid", bad, err)
		}
	}
}

// installHelper installs a credential helper that has credentials for some hosts, and fails for others.
func installHelper(t *testing.T, name string) {
	t.Helper()
	script := "#!/bin/sh\nread host\ncase $host in *.example:5000|https://index.docker.io/v1/|*/team) echo '{\"Username\":\"u\",\"Secret\":\"'$host'\"}';; " +
		"token.example*) echo '{\"Username\":\"<token>\",\"Secret\":\"idt\"}';; broken*) echo 'keychain is locked'; exit 1;; *) echo 'credentials not found in native keychain'; exit 1;; esac\n"
	path := write(t, "docker-credential-"+name, script)
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(path)+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func TestCredentialHelper(t *testing.T) {
	installHelper(t, "test")
	auths := `"auths":{"other.example":{"auth":"` + basic("file:pw") + `"},"broken.example":{"auth":"` + basic("file:pw") + `"}}`
	next := write(t, "auth.json", `{"auths":{"next.example":{"auth":"`+basic("next:pw")+`"}}}`)
	for _, test := range []struct {
		config, host, repository string
		want                     auth.Credential
		warnings                 int
	}{
		{`"credsStore":"test"`, "a.example:5000", "x", user("u", "a.example:5000"), 0},
		{`"credsStore":"test"`, "registry-1.docker.io", "x", user("u", "https://index.docker.io/v1/"), 0},
		{`"credsStore":"test"`, "other", "x", auth.EmptyCredential, 0},
		{`"credsStore":"test"`, "other.example", "x", user("file", "pw"), 0},
		{`"credsStore":"test"`, "broken.example", "x", user("file", "pw"), 1},
		{`"credsStore":"test"`, "broken", "x", auth.EmptyCredential, 1},
		{`"credsStore":"test"`, "token.example", "x", auth.Credential{RefreshToken: "idt"}, 0},
		{`"credHelpers":{"token.example:8443":"test"}`, "token.example:8443", "x", auth.Credential{RefreshToken: "idt"}, 0},
		{`"credHelpers":{"token.example:8443":"test"}`, "token.example", "x", auth.EmptyCredential, 0},
		{`"credHelpers":{"a.example:5000":"test"}`, "a.example", "x", auth.EmptyCredential, 0},
		{`"credsStore":"missing"`, "other.example", "x", user("file", "pw"), 1},
		{`"credsStore":"missing"`, "next.example", "x", user("next", "pw"), 1},
		{`"credsStore":"missing"`, "public.example", "x", auth.EmptyCredential, 1},
		{`"credHelpers":{"a.example:5000":"test"}`, "a.example:5000", "x", user("u", "a.example:5000"), 0},
		{`"credHelpers":{"a.example:5000":"missing"}`, "a.example:5000", "x", auth.EmptyCredential, 1},
		{`"credHelpers":{"b.example/team":"test"}`, "b.example", "team/x", user("u", "b.example/team"), 0},
		{`"credHelpers":{"b.example/team":"test"}`, "b.example", "x", auth.EmptyCredential, 0},
		{`"credHelpers":{"a.example:5000":""},"credsStore":"test"`, "a.example:5000", "x", user("u", "a.example:5000"), 0},
	} {
		s := NewStore(Options{File: write(t, "config.json", "{"+test.config+","+auths+"}"), Files: []string{next}})
		var warnings []string
		s.Notify = func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
		for range 2 { // the warning is not repeated
			got, err := s.Find(t.Context(), test.host, test.repository)
			if got != test.want || err != nil || len(warnings) != test.warnings {
				t.Errorf("%s, %s/%s: got %+v, %v, warnings %q, want %+v, %d warnings",
					test.config, test.host, test.repository, got, err, warnings, test.want, test.warnings)
			}
		}
	}
}

// TestSlowHelper checks that Find returns when its context ends, even if a process started by the helper keeps the helper's output
// open.
func TestSlowHelper(t *testing.T) {
	path := write(t, "docker-credential-slow", "#!/bin/sh\nsleep 8 2>/dev/null\n")
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(path)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	s := NewStore(Options{File: write(t, "config.json", `{"credsStore":"slow"}`)})
	s.Notify = func(format string, args ...any) { t.Errorf(format, args...) }
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := s.Find(ctx, "a.example", "x"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 6*time.Second {
		t.Errorf("got %v after %v, want DeadlineExceeded within 6s", err, time.Since(start))
	}
}

// loginServer starts a server that requires the password "pw" if protected is set.
func loginServer(t *testing.T, protected bool) (*transport.Transport, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, ok := r.BasicAuth(); protected && (!ok || password != "pw") {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	tr := transport.New(transport.Options{})
	if err := tr.Connect(); err != nil {
		t.Fatal(err)
	}
	return tr, strings.TrimPrefix(server.URL, "http://")
}

// TestConcurrentLogins logs in to several hosts at once. The config file is a symbolic link to a file with other fields. The test
// checks that no entry or field is lost, and that the link is not replaced.
func TestConcurrentLogins(t *testing.T) {
	t.Parallel()
	real := write(t, "real.json", `{"auths":{"other.example":{"auth":"`+basic("o:pw")+`","x":1}},"HttpHeaders":{"A":"b"}}`)
	link := filepath.Join(t.TempDir(), "docker", "config.json")
	if err := os.Mkdir(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	var hosts []string
	var wg sync.WaitGroup
	for range 8 {
		tr, host := loginServer(t, true)
		hosts = append(hosts, host)
		wg.Go(func() {
			if where, err := NewStore(Options{File: link}).Login(t.Context(), tr, host, "u", "pw"); err != nil || where != link {
				t.Error(where, err)
			}
		})
	}
	wg.Wait()
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced by a file with mode %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: got the mode %v, %v, want 0600", info.Mode(), err)
	}
	s := NewStore(Options{File: link})
	for _, host := range hosts {
		if got, err := s.Find(t.Context(), host, "x"); got != user("u", "pw") || err != nil {
			t.Errorf("%s: got %+v, %v, want u", host, got, err)
		}
	}
	for _, host := range hosts {
		wg.Go(func() {
			if err := NewStore(Options{File: link}).Logout(t.Context(), host); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(real)
	var left struct {
		Auths       map[string]map[string]any
		HTTPHeaders map[string]string `json:"HttpHeaders"`
	}
	if err != nil || json.Unmarshal(data, &left) != nil || len(left.Auths) != 1 || left.Auths["other.example"]["x"] != 1.0 || left.HTTPHeaders["A"] != "b" {
		t.Errorf("the file after logout: got %s, %v, want the other entry and header", data, err)
	}
}

// TestLogin checks that a login replaces the credentials stored under another name of the registry, and checks several errors.
func TestLogin(t *testing.T) {
	installHelper(t, "test")
	tr, host := loginServer(t, true)
	file := write(t, "config.json", `{"auths":{"http://`+host+`/v2/":{"auth":"`+basic("old:old")+`"}}}`)
	var denied *transport.Denied
	if _, err := NewStore(Options{File: file}).Login(t.Context(), tr, host, "u", "wrong"); !errors.As(err, &denied) {
		t.Errorf("wrong password: got %v, want *Denied", err)
	}
	if _, err := NewStore(Options{File: file}).Login(t.Context(), tr, "https://"+host+"/v2/", "u", "pw"); err != nil {
		t.Error(err)
	}
	if got, err := NewStore(Options{File: file}).Find(t.Context(), host, "x"); got != user("u", "pw") || err != nil {
		t.Errorf("Find: got %+v, %v, want u", got, err)
	}
	if data, _ := os.ReadFile(file); strings.Contains(string(data), basic("old:old")) {
		t.Errorf("the old entry still exists: %s", data)
	}
	for _, bad := range []string{host + "/app", "https://" + host + "/v2/app", "", "a b"} {
		if _, err := NewStore(Options{File: file}).Login(t.Context(), tr, bad, "u", "pw"); !errors.Is(err, errdef.ErrInvalidReference) {
			t.Errorf("%q: got %v, want ErrInvalidReference", bad, err)
		}
	}
	if _, err := NewStore(Options{}).Login(t.Context(), tr, host, "u", "pw"); err == nil || !strings.Contains(err.Error(), "no home directory") {
		t.Errorf("without a file: got %v, want no home directory", err)
	}
	missing := write(t, "config.json", `{"credsStore":"missing"}`)
	if _, err := NewStore(Options{File: missing}).Login(t.Context(), tr, host, "u", "pw"); err == nil || !strings.Contains(err.Error(), "executable not found in PATH") {
		t.Errorf("without the helper: got %v, want executable not found in PATH", err)
	}
	podmanFile := write(t, "auth.json", `{"auths":{"`+host+`":{"auth":"`+basic("p:pw")+`"}}}`)
	for range 2 { // both files have an entry
		err := NewStore(Options{File: file, Files: []string{podmanFile}}).Logout(t.Context(), host)
		if got, findErr := NewStore(Options{File: file, Files: []string{podmanFile}}).Find(t.Context(), host, "x"); got != auth.EmptyCredential || findErr != nil {
			t.Errorf("after logout (%v): got %+v, %v, want no credentials", err, got, findErr)
		}
	}
	if err := NewStore(Options{File: file}).Logout(t.Context(), host); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("second logout: got %v, want ErrNotFound", err)
	}
}

// TestLoginToSlowServer checks that a login fails and stores nothing if the response does not end, whichever part is slow.
func TestLoginToSlowServer(t *testing.T) {
	t.Parallel()
	const begun = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for name, at := range map[string]struct{ first, then string }{
		"no response":     {"", ""},
		"endless headers": {begun, "X: y\r\n"},
		"endless status":  {"HTTP", "/"},
		"endless body":    {begun + "Content-Length: 9999\r\n\r\n", " "},
		"endless chunks":  {begun + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"},
		"no body":         {begun + "Content-Length: 9999\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { listener.Close() })
			go func() {
				for {
					c, err := listener.Accept()
					if err != nil {
						return
					}
					go func() {
						defer c.Close()
						if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
							return
						}
						for text := at.first; ; text = at.then {
							if _, err := c.Write([]byte(text)); err != nil || t.Context().Err() != nil {
								return
							}
							time.Sleep(20 * time.Millisecond)
						}
					}()
				}
			}()
			tr := transport.New(transport.Options{Stall: 200 * time.Millisecond, RetryFor: -1})
			if err := tr.Connect(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "config.json")
			_, err = NewStore(Options{File: file}).Login(t.Context(), tr, listener.Addr().String(), "u", "pw")
			if err == nil || !strings.Contains(err.Error(), "connection stalled for 200ms") {
				t.Errorf("got %v, want connection stalled for 200ms", err)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("the credentials were stored")
			}
		})
	}
}

// TestUnusualFiles logs in and out with files that have no auths, or that have entries at the top level, like .dockercfg.
func TestUnusualFiles(t *testing.T) {
	tr, host := loginServer(t, true)
	for _, c := range []struct{ name, content, left string }{
		{"config.json", "\n", ""},
		{"config.json", "null", ""},
		{"config.json", `{"auths":null,"a":1}`, `"a": 1`},
		{".dockercfg", `{"` + host + `":{"auth":"` + basic("old:old") + `"},"other.example":{"auth":"` + basic("a:b") + `"}}`, "other.example"},
	} {
		store := NewStore(Options{File: write(t, c.name, c.content)})
		if _, err := store.Login(t.Context(), tr, host, "u", "pw"); err != nil {
			t.Errorf("%s: login: %v", c.content, err)
		}
		if got, err := NewStore(store.Options).Find(t.Context(), host, "x"); got != user("u", "pw") || err != nil {
			t.Errorf("%s: got %+v, %v, want u", c.content, got, err)
		}
		if err := NewStore(store.Options).Logout(t.Context(), host); err != nil {
			t.Errorf("%s: logout: %v", c.content, err)
		}
		if got, err := NewStore(store.Options).Find(t.Context(), host, "x"); got != auth.EmptyCredential || err != nil {
			t.Errorf("%s: after logout: got %+v, %v, want no credentials", c.content, got, err)
		}
		if data, err := os.ReadFile(store.File); err != nil || !strings.Contains(string(data), c.left) {
			t.Errorf("%s: the file after logout: got %s, %v, want it to contain %s", c.content, data, err, c.left)
		}
	}
}
