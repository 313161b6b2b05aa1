//go:build !darwin && !windows

package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestBrowse requests pages of a layout, an archive, and a registry as a browser does. Without the secret part of the address,
// the response is 404.
func TestBrowse(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.must(t, `davit pack examples/docs -o ./oci:1.0 && davit copy ./oci ./oci.tar --all-tags && davit push examples/docs registry.example.com/team/docs:1.0`)
	if out, code := s.sh(t, "davit browse registry.example.com/team/docs:9"); code != 3 || !strings.Contains(out, "hint: tags: 1.0") {
		t.Errorf("missing tag: got exit code %d and %s, want 3 and the tags", code, out)
	}
	for command, want := range map[string]string{
		"davit browse":                                    "Tags",
		"davit browse ./oci:1.0":                          "davit pull ./oci@sha256:",
		"davit browse ./oci.tar":                          "Tags",
		"davit browse oci.tar":                            "Tags",
		"davit browse oci:1.0":                            "davit pull ./oci@sha256:",
		"davit browse registry.example.com/team/docs:1.0": "davit pull registry.example.com/team/docs@sha256:",
	} {
		address := s.serve(t, command)
		if body := s.page(t, "http://"+address); !strings.Contains(body, want) {
			t.Errorf("%s: no %q in %s", command, want, body)
		}
		host, _, _ := strings.Cut(address, "/")
		for _, path := range []string{"/", "/r/oci", "/v2/", "/style.css"} {
			response, err := http.Get("http://" + host + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %s without the secret part of the address: got %s, want 404", command, path, response.Status)
			}
		}
	}
}

// TestBrowseSeveral checks the page that davit browse opens for a target in a layout or an archive of several repositories.
func TestBrowseSeveral(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.must(t, `davit pack examples/docs -o ./one:1.0 && davit copy ./one:1.0 registry.example.com/team/docs:1.0 && davit push examples/model registry.example.com/team/model:2.0 &&
		davit copy registry.example.com/team/docs:1.0 registry.example.com/team/model:2.0 ./both &&
		davit copy --all-repos ./both ./both.tar && davit copy registry.example.com/team/docs:1.0 registry.example.com/team/model:2.0 ./mixed && davit pack examples/docs -o ./mixed:3.0`)
	for target, want := range map[string]string{
		"./both": "/", "./both:registry.example.com/team/model:2.0": "/r/team/model:2.0", "./both:team/model:2.0": "/r/team/model:2.0", "./both.tar:team/docs:1.0": "/r/team/docs:1.0",
		"./both:1.0": "/r/team/docs:1.0", "./both:2.0": "/r/team/model:2.0", "./one": "/r/one", "./one:1.0": "/r/one:1.0",
		"./mixed:3.0": "/r/mixed:3.0", "./mixed:1.0": "/r/team/docs:1.0",
	} {
		address := s.serve(t, "davit browse "+target)
		parts := strings.SplitN(address, "/", 3)
		if got := "/" + parts[2]; got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
		s.page(t, "http://"+address)
	}
}

// TestBrowseCatalog checks that pages show a repository that was pushed after davit began to serve them.
func TestBrowseCatalog(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.must(t, `davit push examples/docs registry.example.com/team/docs:1.0`)
	parts := strings.SplitN(s.serve(t, "davit browse registry.example.com"), "/", 3)
	address := "http://" + parts[0] + "/" + parts[1] + "/"
	s.must(t, `davit push examples/docs registry.example.com/team/new:1.0`)
	for range 100 {
		if strings.Contains(s.page(t, address), "team/new") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if body := s.page(t, address+"r/team/new:1.0"); !strings.Contains(body, "registry.example.com/team/new@sha256:") {
		t.Errorf("the new repository is not shown: %s", body)
	}
}

// TestBrowseChecksRepository checks that browse fails for a repository that does not exist and a registry that does not answer, after one
// request. It must work for a repository without tags, and where the registry refuses to list tags.
func TestBrowseChecksRepository(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	reg := registrytest.Start(t, registrytest.Options{})
	for _, name := range []string{"router", "tagless"} {
		s.must(t, "davit push -q examples/docs "+reg.Host+"/apps/"+name+":1.0")
	}
	s.must(t, "davit delete --yes "+reg.Host+"/apps/tagless:1.0")
	for _, test := range []struct {
		target, want string
		status, code int
	}{
		{"/apps/rooter", `hint: did you mean "` + reg.Host + `/apps/router"?`, 0, 3},
		{"/apps/rooter:1.0", `hint: did you mean "` + reg.Host + `/apps/router:1.0"?`, 0, 3},
		{"/apps/router:2.0", "hint: tags: 1.0", 0, 3},
		{"/apps", `/apps" lists the repositories below it`, 0, 3},
		{"/apps/router", "404", 404, 3},
		{"/apps/router", "502", 502, 6},
	} {
		if test.status != 0 {
			reg.Inject("GET tags", faults.Always, faults.Status(test.status))
		}
		if out, code := s.sh(t, "davit browse --retry-for -1s "+reg.Host+test.target); code != test.code || !strings.Contains(out, test.want) || strings.Contains(out, "is shown") {
			t.Errorf("%s with status %d: got exit code %d and %s, want %d and %s", test.target, test.status, code, out, test.code, test.want)
		}
		reg.Heal()
	}
	for target, status := range map[string][]int{"/apps/router": {0, 401, 403, 405, 501}, "/apps/tagless": {0, 403}, "": {0}} {
		for _, status := range status {
			if status != 0 {
				reg.Inject("GET tags", faults.Always, faults.Status(status))
			}
			reg.ResetLog()
			s.serve(t, "davit browse "+reg.Host+target)
			if got, want := reg.Count("GET tags"), min(len(target), 1); got != want {
				t.Errorf("%s with status %d: got %d requests for tags, want %d", target, status, got, want)
			}
			reg.Heal()
		}
	}
	if out, code := s.sh(t, "davit browse localhost:1/apps/router"); code != 6 {
		t.Errorf("a registry that does not answer: got exit code %d and %s, want 6", code, out)
	}
}

// page returns the content of a page.
func (s *sandbox) page(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", url, response.Status, err, body)
	}
	return string(body)
}

// TestBrowsePlainHTTP checks that the commands on a page have --plain-http if they need it for a registry without TLS.
func TestBrowsePlainHTTP(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	registry := registrytest.Start(t, registrytest.Options{})
	s.env = append(s.env, "HTTP_PROXY="+registry.URL, "XDG_CONFIG_HOME="+s.home) // the proxy is the registry itself
	localhost := strings.Replace(registry.Host, "127.0.0.1", "localhost", 1)
	s.write(t, s.home+"/davit/config.yaml", "registries: {\""+registry.Host+"\": {insecure: true}}\n") // davit tries TLS first
	s.must(t, "davit push examples/docs "+registry.Host+"/team/docs:1.0")
	for command, want := range map[string][]string{
		"davit browse plain.example.com/team/docs:1.0 --plain-http": {"davit pull --plain-http plain.example.com", "oras pull --plain-http plain.example.com"},
		"davit browse " + localhost + "/team/docs:1.0":              {"davit pull localhost:", "oras pull localhost:"},
		"davit browse " + registry.Host + "/team/docs:1.0":          {"davit pull 127.0.0.1:", "oras pull --plain-http 127.0.0.1:"},
	} {
		body := s.page(t, "http://"+s.serve(t, command))
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%s: no %q in %s", command, text, body)
			}
		}
	}
}
