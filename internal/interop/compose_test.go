//go:build clients

package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
)

// newComposeClient returns docker compose, and a function that returns the arguments for a command on the project at ref. The
// standalone program reads a project without a daemon.
func newComposeClient(t *testing.T) (*clients.Client, func(ref string, args ...string) []string) {
	t.Helper()
	c := clients.New(t, "docker-compose")
	return c, func(ref string, args ...string) []string {
		host, _, _ := strings.Cut(ref, "/")
		return append([]string{"-p", "x", "--insecure-registry", host, "-f", "oci://" + ref}, args...)
	}
}

// TestComposeReadsDavit runs docker compose on an application whose paths davit rewrote.
func TestComposeReadsDavit(t *testing.T) {
	t.Parallel()
	c, projectArgs := newComposeClient(t)
	ref := repo(t, "greeting") + ":v1"
	push(t, example("compose"), "", ref)
	out, _ := c.Run(projectArgs(ref, "config")...)
	for _, want := range []string{"GREETING: hello", "restart: unless-stopped", "image: nginx:1.29-alpine", `published: "8080"`} {
		if !strings.Contains(out, want) {
			t.Errorf("the project lacks %q:\n%s", want, out)
		}
	}
}

// TestComposeReadsIncludes checks that included files, and the files that they extend, are packed.
func TestComposeReadsIncludes(t *testing.T) {
	t.Parallel()
	c, projectArgs := newComposeClient(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"compose.yaml":  "include: [db/db.yaml]\nservices: {web: {image: nginx, depends_on: [db]}}\n",
		"db/db.yaml":    "services: {db: {extends: {file: base.yaml, service: base}, env_file: db.env}}\n",
		"db/base.yaml":  "services: {base: {image: postgres}}\n",
		"db/db.env":     "A=1\n",
		"override.yaml": "services: {web: {restart: always}}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ref := repo(t, "app") + ":v1"
	push(t, dir, "kind: compose\nlayers: [compose.yaml, override.yaml, db/db.env]\n", ref)
	out, _ := c.Run(projectArgs(ref, "config")...)
	for _, want := range []string{"image: postgres", `A: "1"`, "restart: always"} {
		if !strings.Contains(out, want) {
			t.Errorf("the project lacks %q:\n%s", want, out)
		}
	}
}

// TestDavitReadsCompose pulls an application that docker compose published.
func TestDavitReadsCompose(t *testing.T) {
	t.Parallel()
	c := clients.New(t, "docker-compose")
	for name, text := range readFiles(t, example("compose")) {
		// When docker compose publishes a file, it cuts off the end of a flow list.
		text = strings.Replace(text, "env_file: [web.env]", "env_file:\n      - web.env", 1)
		if err := os.WriteFile(filepath.Join(c.Home, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ref := repo(t, "greeting") + ":v1"
	c.Run("-p", "x", "publish", "-y", "--with-env", "--insecure-registry", ref)
	wantKind(t, ref, "compose")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	got := readFiles(t, dir)
	if len(got) != 3 || !strings.Contains(got["compose.yaml"], "nginx:1.29-alpine") {
		t.Errorf("got the files %v, want 3, with nginx in compose.yaml", got)
	}
}
