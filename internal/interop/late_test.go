//go:build late

package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
)

// The clients here take long to build: make test-late does that, and runs the tests whose names begin with TestLate.

// copied copies a directory of an example, for clients that write into it.
func copied(t *testing.T, kind, below string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(example(kind), below))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// written writes a file below a directory.
func written(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compact removes the spaces between the values of a document.
func compact(t *testing.T, document []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, document); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wantRecorded compares the manifest that a native client pushed with the recorded one.
func wantRecorded(t *testing.T, kind, ref string) {
	t.Helper()
	m, data := manifestOf(t, ref)
	got := bytes.Join([][]byte{compact(t, data), blobOf(t, ref, m.Config), nil}, []byte("\n"))
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

// TestLateConftestReadsDavit pulls with conftest what davit pushed, and tests with it.
func TestLateConftestReadsDavit(t *testing.T) {
	t.Parallel()
	conftest := clients.New(t, "conftest")
	ref := repo(t, "tests") + ":1.0.0"
	push(t, example("conftest"), "", ref)
	conftest.Run("pull", "--tls=false", "--policy", "pulled", "oci://"+ref)
	sameFiles(t, files(t, filepath.Join(conftest.Home, "pulled")), without(files(t, example("conftest")), "davit.yaml"))

	test := []string{"test", "--policy", "pulled/policy", "--data", "pulled/policy"}
	written(t, conftest.Home, "rude.json", `{"greeting": "go away"}`)
	out, _, err := conftest.Try(append(test, "rude.json")...)
	if err == nil || !strings.Contains(out, "go away is") {
		t.Errorf("conftest accepts it (%v): %s", err, out)
	}
	written(t, conftest.Home, "polite.json", `{"greeting": "hello"}`)
	conftest.Run(append(test, "polite.json")...)
}

// TestLateDavitReadsConftest pulls what conftest pushed.
func TestLateDavitReadsConftest(t *testing.T) {
	t.Parallel()
	conftest := clients.New(t, "conftest")
	conftest.Dir = copied(t, "conftest", "")
	ref := repo(t, "tests") + ":1.0.0"
	conftest.Run("push", "--tls=false", ref)
	wantRecorded(t, "conftest", ref)
	wantKind(t, ref, "conftest")
	dir, _ := pulled(t, ref, pull.Options{NoSync: true})
	sameFiles(t, files(t, dir), without(files(t, example("conftest")), "davit.yaml"))
}

// TestLateCueReadsDavit evaluates a module that depends on one that davit pushed.
func TestLateCueReadsDavit(t *testing.T) {
	t.Parallel()
	cue := clients.New(t, "cue")
	base := repo(t, "modules")
	push(t, example("cue"), "", base+"/example.com/greeting:v0.1.0")
	cue.Env = []string{"CUE_REGISTRY=" + base + "+insecure"}
	written(t, cue.Home, "cue.mod/module.cue", "module: \"example.com/app@v0\"\nlanguage: version: \"v0.9.0\"\n")
	written(t, cue.Home, "app.cue", "package app\n\nimport \"example.com/greeting@v0\"\n\nann: greeting.#Greeting & {name: \"Ann\"}\n")
	cue.Run("mod", "tidy")
	if out, _ := cue.Run("export", "--out", "yaml"); !strings.Contains(out, "text: hello, Ann") {
		t.Errorf("cue says %s", out)
	}
}

// TestLateDavitReadsCue pulls what cue published.
func TestLateDavitReadsCue(t *testing.T) {
	t.Parallel()
	cue := clients.New(t, "cue")
	cue.Dir = copied(t, "cue", "greeting")
	base := repo(t, "modules")
	cue.Env = []string{"CUE_REGISTRY=" + base + "+insecure"}
	cue.Run("mod", "publish", "v0.1.0")
	ref := base + "/example.com/greeting:v0.1.0"
	wantRecorded(t, "cue", ref)
	wantKind(t, ref, "cue")
	dir, _ := pulled(t, ref, pull.Options{NoSync: true})
	got := files(t, dir)
	if names := zipped(t, []byte(got["module.zip"])); !slices.Equal(slices.Sorted(slices.Values(names)), []string{"cue.mod/module.cue", "greeting.cue"}) {
		t.Errorf("the archive has %q", names)
	}
	if got["module.cue"] != files(t, cue.Dir)["cue.mod/module.cue"] {
		t.Errorf("the declaration is %q", got["module.cue"])
	}
}
