package naming_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/serve/naming"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"1.0":                             {"", "1.0"},
		"latest":                          {"", "latest"},
		"app:1.0":                         {"app", "1.0"},
		"charts/web:1.0":                  {"charts/web", "1.0"},
		"docker.io/library/alpine:3.20":   {"library/alpine", "3.20"},
		"localhost:5000/app:1":            {"app", "1"},
		"localhost/app":                   {"app", "latest"},
		"[::1]:5000/team/app":             {"team/app", "latest"},
		"ghcr.io/x/y:1@sha256:0123456789": {"x/y", "1"},
		"sha256:0123":                     {"sha256", "0123"},
		"":                                {"", ""},
		"Not A Name":                      {"", ""},
		"x/../y:1":                        {"", ""},
		"/x:1":                            {"", ""},
		"x/y:":                            {"", ""},
		strings.Repeat("x", 200) + ":1":   {strings.Repeat("x", 200), "1"},
		strings.Repeat("x", 300) + ":1":   {"", ""},
	} {
		if repo, tag := naming.Split(name); repo != want[0] || tag != want[1] {
			t.Errorf("%q: got %q and %q, want %q", name, repo, tag, want)
		}
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"./oci": "oci", "/srv/My Charts/": "my-charts", "../x/app.tar": "app", "a_b__c.d-e": "a_b__c.d-e", "/": "layout", "é": "layout",
		"_x_": "x", "/x/" + strings.Repeat("a", 300): strings.Repeat("a", 255), strings.Repeat("-", 300) + "b": "b",
	} {
		if got := naming.Home(path); got != want || !naming.IsValid(got) {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}
