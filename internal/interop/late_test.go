//go:build late

package interop

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
)

// The clients in the tests with the build tag late take long to build. make test-late builds them and runs these tests, whose names
// begin with TestLate.

// copyExample copies a directory of an example, because some clients write to it.
func copyExample(t *testing.T, kind, below string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(example(kind), below))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeFile writes a file below a directory.
func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// These expressions match the parts of a golden text that depend on the time of a push.
var (
	createdAt   = regexp.MustCompile(`("org.opencontainers.image.created":)"[^"]*"`)
	entryDigest = regexp.MustCompile(`("application/vnd.oci.image.manifest.v1\+json","digest":"sha256:)[0-9a-f]{64}`)
	digestLine  = regexp.MustCompile(`(?m)^sha256:[0-9a-f]{64}\n`)
)

// wantRecorded compares the manifest that a native client pushed with the recorded one.
func wantRecorded(t *testing.T, kind, ref string) {
	t.Helper()
	target, _ := open(t, ref, registry.Read)
	desc, err := target.Resolve(t.Context(), ref[strings.LastIndex(ref, ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	got := digestLine.ReplaceAll(goldenText(t, target, desc), nil)
	got = createdAt.ReplaceAll(got, []byte(`$1"2026-01-01T00:00:00Z"`))
	got = entryDigest.ReplaceAll(got, []byte("${1}"+strings.Repeat("0", 64)))
	if *update {
		if err := os.WriteFile(nativeFile(kind), got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(nativeFile(kind))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs (%v); renew it with -update:\n%s", nativeFile(kind), err, got)
	}
}

// TestLateConftestReadsDavit pushes policies with davit, and pulls and applies them with conftest.
func TestLateConftestReadsDavit(t *testing.T) {
	t.Parallel()
	conftest := clients.New(t, "conftest")
	ref := repo(t, "tests") + ":1.0.0"
	push(t, example("conftest"), "", ref)
	conftest.Run("pull", "--tls=false", "--policy", "pulled", "oci://"+ref)
	wantFiles(t, readFiles(t, filepath.Join(conftest.Home, "pulled")), without(readFiles(t, example("conftest")), "davit.yaml"))

	test := []string{"test", "--policy", "pulled/policy", "--data", "pulled/policy"}
	writeFile(t, conftest.Home, "rude.json", `{"greeting": "go away"}`)
	out, _, err := conftest.Try(append(test, "rude.json")...)
	if err == nil || !strings.Contains(out, "go away is") {
		t.Errorf("rude.json: got %v and %s, want it refused", err, out)
	}
	writeFile(t, conftest.Home, "polite.json", `{"greeting": "hello"}`)
	conftest.Run(append(test, "polite.json")...)
}

// TestLateDavitReadsConftest pulls policies that conftest pushed.
func TestLateDavitReadsConftest(t *testing.T) {
	t.Parallel()
	conftest := clients.New(t, "conftest")
	conftest.Dir = copyExample(t, "conftest", "")
	ref := repo(t, "tests") + ":1.0.0"
	conftest.Run("push", "--tls=false", ref)
	wantRecorded(t, "conftest", ref)
	wantKind(t, ref, "conftest")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dir), without(readFiles(t, example("conftest")), "davit.yaml"))
}

// TestLateCueReadsDavit evaluates a module that depends on one that davit pushed.
func TestLateCueReadsDavit(t *testing.T) {
	t.Parallel()
	cue := clients.New(t, "cue")
	base := repo(t, "modules")
	push(t, example("cue"), "", base+"/example.com/greeting:v0.1.0")
	cue.Env = []string{"CUE_REGISTRY=" + base + "+insecure"}
	writeFile(t, cue.Home, "cue.mod/module.cue", "module: \"example.com/app@v0\"\nlanguage: version: \"v0.9.0\"\n")
	writeFile(t, cue.Home, "app.cue", "package app\n\nimport \"example.com/greeting@v0\"\n\nann: greeting.#Greeting & {name: \"Ann\"}\n")
	cue.Run("mod", "tidy")
	if out, _ := cue.Run("export", "--out", "yaml"); !strings.Contains(out, "text: hello, Ann") {
		t.Errorf("cue export: got %s, want the text hello, Ann", out)
	}
}

// TestLateDavitReadsCue pulls a module that cue published.
func TestLateDavitReadsCue(t *testing.T) {
	t.Parallel()
	cue := clients.New(t, "cue")
	cue.Dir = copyExample(t, "cue", "greeting")
	base := repo(t, "modules")
	cue.Env = []string{"CUE_REGISTRY=" + base + "+insecure"}
	cue.Run("mod", "publish", "v0.1.0")
	ref := base + "/example.com/greeting:v0.1.0"
	wantRecorded(t, "cue", ref)
	wantKind(t, ref, "cue")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	got := readFiles(t, dir)
	if names := listZip(t, []byte(got["module.zip"])); !slices.Equal(slices.Sorted(slices.Values(names)), []string{"cue.mod/module.cue", "greeting.cue"}) {
		t.Errorf("got an archive with %q", names)
	}
	if got["module.cue"] != readFiles(t, cue.Dir)["cue.mod/module.cue"] {
		t.Errorf("module.cue: got %q, want the published file", got["module.cue"])
	}
}

// TestLateOPAReadsDavit evaluates a bundle that OPA itself downloads.
func TestLateOPAReadsDavit(t *testing.T) {
	t.Parallel()
	opa := clients.New(t, "opa")
	ref := repo(t, "bundle") + ":1.0.0"
	push(t, example("opa"), "", ref)
	for name, want := range map[string]string{"Ann": `"result": true`, "Eve": `"result": false`} {
		writeFile(t, opa.Home, name+".json", `{"name": "`+name+`"}`)
		host, _, _ := strings.Cut(ref, "/")
		out, _ := opa.Run("exec", "--decision", "greeting/allow", "--set", "services.registry.type=oci", "--set", "services.registry.url=http://"+host,
			"--set", "bundles.greeting.service=registry", "--set", "bundles.greeting.resource="+ref, "--set", "persistence_directory="+opa.Home, name+".json")
		if !strings.Contains(out, want) {
			t.Errorf("%s: got %s, want %s", name, out, want)
		}
	}
}

// TestLateDavitReadsOPA pulls a bundle that OPA built and oras pushed, as OPA's documentation describes, and evaluates the files
// with OPA.
func TestLateDavitReadsOPA(t *testing.T) {
	t.Parallel()
	opa, oras := clients.New(t, "opa"), clients.New(t, "oras")
	opa.Dir, oras.Dir = copyExample(t, "opa", "policy"), t.TempDir()
	opa.Run("build", "--bundle", ".", "--output", filepath.Join(oras.Dir, "bundle.tar.gz"))
	writeFile(t, oras.Dir, "config.json", "{}")
	ref := repo(t, "bundle") + ":1.0.0"
	oras.Run("push", "--plain-http", ref, "--config", "config.json:application/vnd.oci.image.config.v1+json", "bundle.tar.gz:application/vnd.oci.image.layer.v1.tar+gzip")
	wantRecorded(t, "opa", ref)
	wantKind(t, ref, "opa")

	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	writeFile(t, opa.Home, "input.json", `{"name": "Ann"}`)
	opa.Dir = opa.Home
	if out, _ := opa.Run("eval", "--bundle", dir, "--input", "input.json", "--format", "raw", "data.greeting.allow"); out != "true\n" {
		t.Errorf("opa eval: got %q, want true", out)
	}
}
