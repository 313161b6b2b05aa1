package hostconfig_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/hostconfig"
)

// writeAll writes files below .config in a new home directory, and returns their rules.
func writeAll(t *testing.T, files map[string]string) *hostconfig.Rules {
	t.Helper()
	home := t.TempDir()
	for name, text := range files {
		name = filepath.Join(home, ".config", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := hostconfig.FilesIn(home, func(string) string { return "" })
	found.CertDirs = found.CertDirs[:1] // without the system directories
	return hostconfig.New(found)
}

const registries = `
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "example.com/team"
location = "inner.example.com/of/team"
insecure = true
[[registry]]
location = "example.com"
mirror = [{location = "mirror.example.com/cache"}, {location = "tags.example.com", pull-from-mirror = "tag-only"}]
[[registry]]
prefix = "*.wild.example.com"
location = "inner.example.com/wild"
[[registry]]
prefix = "*.open.example.com"
mirror-by-digest-only = true
[[registry.mirror]]
location = "mirror.example.com/open"
insecure = true
[[registry]]
location = "blocked.example.com"
[[registry]]
location = "bad.example.com/but"
blocked = true
`

// formatRoute returns a route as text: the prefix that blocks it, or its mirrors and its target.
func formatRoute(r hostconfig.Route) string {
	if r.Blocked != "" {
		return "blocked by " + r.Blocked
	}
	var words []string
	for _, e := range append(r.Mirrors, r.Target) {
		word := e.Host + "/" + e.Repository
		if e.Insecure {
			word += " insecure"
		}
		if e.PlainHTTP {
			word += " plain"
		}
		switch e.When {
		case hostconfig.ForDigests:
			word += " digests"
		case hostconfig.ForTags:
			word += " tags"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	rules := writeAll(t, map[string]string{
		"containers/registries.conf":                 registries,
		"containers/registries.conf.d/10-block.conf": "[[registry]]\nlocation = \"blocked.example.com\"\nblocked = true\n",
		"containers/registries.conf.d/note.txt":      "not TOML",
		"davit/config.yaml": "registries:\n  own.example.com: {plainHTTP: true, mirrors: [mirror.example.com/own]}\n" +
			"  mirror.example.com: {insecure: true}\n",
	})
	for _, test := range []struct{ host, repository, want string }{
		{"example.com", "team/app", "inner.example.com/of/team/app insecure"},
		{"example.com", "teams/app", "mirror.example.com/cache/teams/app insecure, tags.example.com/teams/app tags, example.com/teams/app"},
		{"example.com.evil.example", "team/app", "example.com.evil.example/team/app"},
		{"a.wild.example.com", "app", "inner.example.com/wild/app"},
		{"a.b.wild.example.com", "app", "inner.example.com/wild/app"},
		{"wild.example.com", "app", "wild.example.com/app"},
		{"notwild.example.com", "app", "notwild.example.com/app"},
		{"a.open.example.com", "app", "mirror.example.com/open/app insecure digests, a.open.example.com/app"},
		{"blocked.example.com", "app", "blocked by blocked.example.com"},
		{"bad.example.com", "but/not", "blocked by bad.example.com/but"},
		{"bad.example.com", "butter", "bad.example.com/butter"},
		{"own.example.com", "app", "mirror.example.com/own/app insecure, own.example.com/app plain"},
		{"other.example.com:5000", "app", "other.example.com:5000/app"},
	} {
		r, err := rules.For(test.host, test.repository)
		if got := formatRoute(r); err != nil || got != test.want {
			t.Errorf("%s/%s: got %s, %v, want %s", test.host, test.repository, got, err, test.want)
		}
	}
}

func TestCertDir(t *testing.T) {
	t.Parallel()
	rules := writeAll(t, map[string]string{
		"containers/certs.d/example.com:5000/ca.crt": "",
		"davit/config.yaml":                          "registries: {example.com: {caFile: ca.pem, concurrency: 3}}",
	})
	withPort, err := rules.Host("example.com:5000")
	if err != nil || filepath.Base(withPort.CertDir) != "example.com:5000" {
		t.Errorf("example.com:5000: got %+v, %v, want its directory in certs.d", withPort, err)
	}
	own, err := rules.Host("example.com")
	if err != nil || own.CertDir != "" || own.Concurrency != 3 || !strings.HasSuffix(own.CAFile, filepath.Join("davit", "ca.pem")) {
		t.Errorf("example.com: got %+v, %v, want caFile and concurrency", own, err)
	}
}

func TestConcurrencyOfZeroIsNotSet(t *testing.T) {
	t.Parallel()
	host, err := writeAll(t, map[string]string{"davit/config.yaml": "registries: {example.com: {concurrency: 0}}"}).Host("example.com")
	if err != nil || host.Concurrency != 0 {
		t.Errorf("got %+v, %v, want no limit for the host", host, err)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	// A text is a config.yaml, or a registries.conf if it begins with a NUL.
	for text, want := range map[string]string{
		"registries: {example.com: {plainHTP: true}}":               `unknown key "plainHTP"`,
		"registries: {example.com/app: {plainHTTP: true}}":          "invalid registry",
		"registries: {example.com: {mirrors: [https://m.example]}}": "must be HOST, or HOST/PATH",
		"registries: {example.com: {concurrency: -1}}":              "concurrency of example.com: can't be negative; 0 is the default",
		"registry: {}":                                                `unknown key "registry"`,
		"\x00[[registry]]\ninsecure = true":                           "neither a location nor a prefix",
		"\x00[[registry]]\nprefix = \"example.com\"":                  "has no location",
		"\x00[[registry]\n":                                           "toml: line 2",
		"\x00[[registry]]\nlocation = 1":                              "location",
		"\x00[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\n\n": "a mirror of \"a\" has no location",
	} {
		file := "davit/config.yaml"
		if strings.HasPrefix(text, "\x00") {
			file, text = "containers/registries.conf", text[1:]
		}
		_, err := writeAll(t, map[string]string{file: text}).For("example.com", "app")
		if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	old := map[string]string{"containers/registries.conf": "[registries.search]\nregistries = ['docker.io']\n[registries.insecure]\nregistries = []\n"}
	if _, err := writeAll(t, old).For("example.com", "app"); err != nil {
		t.Errorf("registries.conf in version 1: got %v, want no error", err)
	}
}

// TestExample checks that the example is valid and has every key, which the message about an unknown key lists, and that docs/registries.md
// has the example.
func TestExample(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"registry.example.com": "mirror.example.com/app, registry.example.com/app", "10.0.0.7:5000": "10.0.0.7:5000/app plain", "registry.test": "registry.test/app insecure",
	} {
		r, err := writeAll(t, map[string]string{"davit/config.yaml": hostconfig.Example}).For(host, "app")
		if got := formatRoute(r); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", host, got, err, want)
		}
	}
	_, err := writeAll(t, map[string]string{"davit/config.yaml": "registries: {example.com: {nosuch: 1}}"}).For("example.com", "app")
	_, list, ok := strings.Cut(fmt.Sprint(err), "for each host, ")
	keys := strings.Split(list, ", ")
	if !ok || len(keys) < 5 {
		t.Errorf("got %v, want the keys", err)
	}
	for _, key := range keys {
		if !strings.Contains(hostconfig.Example, "\n    "+key+": ") {
			t.Errorf("the example lacks %s", key)
		}
	}
	page, err := os.ReadFile("../../docs/registries.md")
	if err != nil || !strings.Contains(strings.ReplaceAll(string(page), "\r\n", "\n"), "```text\n"+hostconfig.Example+"```\n") {
		t.Errorf("docs/registries.md lacks the example (%v)", err)
	}
}
