package credentials

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/davit-oci/davit/internal/remote/transport"

	"oras.land/oras-go/v2/registry/remote/auth"
)

func TestDockerConfig(t *testing.T) {
	t.Parallel()
	basic := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	path := filepath.Join(t.TempDir(), "config.json")
	config := `{"auths":{
		"plain.example":{"auth":"` + basic("a:b:c") + `"},
		"https://old.example/v1/":{"auth":"` + basic("old:pw") + `"},
		"ns.example/team":{"auth":"` + basic("team:pw") + `"},
		"ns.example":{"auth":"` + basic("all:pw") + `"},
		"only.example/team":{"auth":"` + basic("team:pw") + `"},
		"token.example":{"identitytoken":"idt"},
		"empty.example":{},
		"bad.example":{"auth":"!"},
		"https://index.docker.io/v1/":{"auth":"` + basic("hub:pw") + `"}},
		"credHelpers":{"evil.example":"../evil"}}`
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := readDockerConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	user := func(name, password string) auth.Credential {
		return auth.Credential{Username: name, Password: password}
	}
	tests := []struct {
		host, repository string
		want             auth.Credential
		fails            bool
	}{
		{"plain.example", "a/b", user("a", "b:c"), false},
		{"old.example", "a/b", user("old", "pw"), false},
		{"ns.example", "team/app", user("team", "pw"), false},
		{"ns.example", "teams/app", user("all", "pw"), false},
		{"only.example", "other/app", auth.EmptyCredential, false},
		{"token.example", "a", auth.Credential{RefreshToken: "idt"}, false},
		{"empty.example", "a", auth.EmptyCredential, false},
		{"registry-1.docker.io", "library/x", user("hub", "pw"), false},
		{"plain.example:8080", "a", auth.EmptyCredential, false},
		{"bad.example", "a", auth.EmptyCredential, true},
		{"evil.example", "a", auth.EmptyCredential, true},
	}
	for _, tt := range tests {
		got, err := d.lookup(t.Context(), tt.host, tt.repository)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s/%s: %+v, %v, want %+v", tt.host, tt.repository, got, err, tt.want)
		}
	}
	if _, err := readDockerConfig(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("no file: %v", err)
	}
}

func TestCredentialHelper(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\nread host\ncase $host in *.example:5000) echo '{\"Username\":\"u\",\"Secret\":\"'$host'\"}';; *) echo 'credentials not found in native keychain'; exit 1;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	d := &dockerConfig{CredsStore: "test"}
	got, err := d.lookup(t.Context(), "a.example:5000", "x")
	if want := (auth.Credential{Username: "u", Password: "a.example:5000"}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := d.lookup(t.Context(), "other", "x"); got != auth.EmptyCredential || err != nil {
		t.Errorf("a host without credentials: %+v, %v", got, err)
	}
	d.CredsStore = "missing"
	var denied *transport.Denied
	if _, err := d.lookup(t.Context(), "other", "x"); !errors.As(err, &denied) {
		t.Errorf("a helper that is missing: %v, want *Denied", err)
	}
}
