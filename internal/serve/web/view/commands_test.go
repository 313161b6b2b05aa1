package view_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/opencontainers/go-digest"
)

// TestCommands checks that a name can't add words to a command of any program.
func TestCommands(t *testing.T) {
	t.Parallel()
	const name = "registry.example.com/a;b $(c)"
	info := &inspect.Info{Described: spec.Described{Digest: digest.FromString("a")}}
	for _, k := range kinds.All() {
		info.Kind = k.Name
		for _, c := range view.Commands(view.Address{Name: name}, info) {
			_, rest, quoted := strings.Cut(c.Text, " '")
			if ref, _, _ := strings.Cut(rest, "'"); !quoted || strings.TrimPrefix(ref, "oci://") != name+"@"+info.Digest.String() {
				t.Errorf("got %s, want a quoted reference", c.Text)
			}
		}
	}
	if got := len(view.Commands(view.Address{Name: "./oci"}, info)); got != 2 {
		t.Errorf("got %d commands for a path, want 2", got)
	}
}

// TestPlainHTTP checks the flags of every client for a registry with plain HTTP.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	kindsOf := map[string]string{"helm": "helm", "docker compose": "compose", "podman": "image", "flux": "flux", "modctl": "modelpack", "kit": "modelkit", "wkg": "wasm",
		"docker model": "model", "docker": "image", "davit": "image", "oras": "image"}
	for _, test := range []struct{ registry, client, want string }{
		{"registry.example.com:5000", "davit", "davit pull --plain-http REF"},
		{"localhost:5000", "davit", "davit pull REF"},
		{"127.0.0.1:5000", "davit", "davit pull REF"},
		{"[::1]:5000", "davit", "davit pull REF"},
		{"localhost:5000", "oras", "oras pull REF"},
		{"localhost", "oras", "oras pull REF"},
		{"127.0.0.1:5000", "oras", "oras pull --plain-http REF"},
		{"app.localhost:5000", "oras", "oras pull --plain-http REF"},
		{"localhost:5000", "helm", "helm pull --plain-http oci://REF"},
		{"localhost:5000", "docker compose", "docker compose --insecure-registry localhost:5000 -f oci://REF config"},
		{"10.0.0.1:5000", "docker compose", "docker compose --insecure-registry 10.0.0.1:5000 -f oci://REF config"},
		{"localhost:5000", "podman", "podman pull --tls-verify=false REF"},
		{"localhost:5000", "flux", "flux pull artifact oci://REF --output ."},
		{"host:5000", "flux", "flux pull artifact --insecure-registry oci://REF --output ."},
		{"127.0.0.1:5000", "modctl", "modctl pull --plain-http TAGGED"},
		{"127.0.0.1:5000", "kit", "kit pull --plain-http REF"},
		{"127.0.0.1:5000", "wkg", "wkg oci pull --insecure 127.0.0.1:5000 REF"},
		{"host:5000", "docker model", "docker model pull REF"},
		{"host:5000", "docker", "docker pull REF"},
	} {
		info := &inspect.Info{Described: spec.Described{Digest: digest.FromString("a")}, Kind: kindsOf[test.client]}
		at := view.Address{Name: test.registry + "/a/b", Tag: "1.0", PlainHTTP: true}
		want := strings.NewReplacer("REF", at.Name+"@"+info.Digest.String(), "TAGGED", at.Name+":1.0@"+info.Digest.String()).Replace(test.want)
		if strings.HasPrefix(test.registry, "[") {
			want = strings.Replace(want, at.Name+"@"+info.Digest.String(), "'"+at.Name+"@"+info.Digest.String()+"'", 1)
		}
		var all []string
		for _, c := range view.Commands(at, info) {
			all = append(all, c.Text)
		}
		if !slices.Contains(all, want) {
			t.Errorf("got %q, want %q among them", all, want)
		}
	}
	info := &inspect.Info{Described: spec.Described{Digest: digest.FromString("a")}, Kind: "modelpack"}
	for _, c := range view.Commands(view.Address{Name: "registry.example.com/a"}, info) {
		if strings.HasPrefix(c.Text, "modctl") {
			t.Errorf("no tag: got %s, which needs one", c.Text)
		}
	}
	for _, k := range kinds.All() {
		for _, native := range k.Native {
			words := strings.Fields(native)
			if kindsOf[words[0]] == "" && kindsOf[words[0]+" "+words[1]] == "" {
				t.Errorf("kind %s: %s is missing in this test", k.Name, words[0])
			}
		}
	}
}
