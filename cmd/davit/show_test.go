package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
)

// davit runs a command line and gives what it printed.
func davit(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("davit %s: exit code %d, %s", strings.Join(args, " "), code, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

// TestShowRequests counts what somebody who is on call waits for.
func TestShowRequests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	for name, content := range map[string]string{
		"app.txt": "app\n",
		"down.md": "---\ntitle: Down\nalerts: [AppDown]\n---\n# Down\n",
		"slow.md": "---\ntitle: Slow\nalerts: [AppSlow]\n---\n# Slow\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name             string
		options          registrytest.Options
		tagged, byDigest int
	}{
		{name: "referrers API", tagged: 4, byDigest: 3},
		{name: "tag schema", options: registrytest.Options{NoReferrers: true}, tagged: 5, byDigest: 4},
		// A tag is asked for without a token first.
		{name: "token", options: registrytest.Options{Auth: registrytest.Token}, tagged: 6, byDigest: 5},
	} {
		reg := registrytest.Start(t, test.options)
		tagged := reg.Host + "/app:1.0"
		var login []string
		if test.options.Auth == registrytest.Token {
			t.Setenv("DAVIT_PASSWORD", "secret")
			login = []string{"--username", "test"}
		}
		do := func(args ...string) string { return davit(t, append(args, login...)...) }
		do("push", "--kind", "generic", filepath.Join(dir, "app.txt"), tagged, "-q")
		do("attach", filepath.Join(dir, "down.md"), filepath.Join(dir, "slow.md"), tagged, "-q")
		byDigest := reg.Host + "/app@" + do("resolve", tagged, "-q")
		for target, want := range map[string]int{tagged: test.tagged, byDigest: test.byDigest} {
			reg.ResetLog()
			if got := do("show", "--alert", "AppDown", target); got != "alerts  AppDown\n\nDown\n════" {
				t.Errorf("%s: got %q", test.name, got)
			}
			if got := reg.Count(); got != want {
				t.Errorf("%s: %s took %d requests, want %d: %v", test.name, target, got, want, ops(reg))
			}
		}
	}
}

func ops(reg *registrytest.Registry) []string {
	var list []string
	for _, r := range reg.Requests() {
		list = append(list, r.Op)
	}
	return list
}

func TestPagerCommand(t *testing.T) {
	for _, test := range []struct{ own, common, want string }{
		{"more", "less -S", "more"},
		{"unset", "less -S", "less -S"},
		{"unset", "cat", ""},
		{"", "less", ""},
		{"unset", "unset", "less"},
	} {
		for name, value := range map[string]string{"DAVIT_PAGER": test.own, "PAGER": test.common} {
			t.Setenv(name, value)
			if value == "unset" {
				os.Unsetenv(name)
			}
		}
		if got := pagerCommand(); got != test.want {
			t.Errorf("DAVIT_PAGER=%s PAGER=%s: got %q, want %q", test.own, test.common, got, test.want)
		}
	}
}

func TestRunPager(t *testing.T) {
	screen, err := os.Create(filepath.Join(t.TempDir(), "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	a := &app{stdout: screen}
	for _, pager := range []string{"tr a-z A-Z", "exit 127", "exit 3"} {
		if err := a.runPager(pager, screen, []byte(pager+"\n")); err != nil {
			t.Errorf("%s: %v", pager, err)
		}
	}
	if _, err := screen.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(screen)
	if want := "TR A-Z A-Z\nexit 127\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
