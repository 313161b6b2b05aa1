package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
)

// TestLockedKinds checks that lock files have the kind that inspect shows, that the kind of an index takes at most one request more than
// that of a manifest, and that files with the kind generic for an index, which earlier versions wrote, remain valid.
func TestLockedKinds(t *testing.T) {
	examples := inEmptyHome(t)
	writeFile(t, "a.txt", "a\n")
	reg := registrytest.Start(t, registrytest.Options{})
	at := func(tag string) string { return reg.Host + "/app:" + tag }
	davit(t, "push", "-q", examples+"/platforms", at("image"))
	davit(t, "push", "-q", examples+"/model", at("model"))
	davit(t, "push", "-q", "a.txt", at("generic"))
	davit(t, "push", "-q", examples+"/skill", at("skill"))
	davit(t, "index", "-q", at("of-files"), "linux/amd64="+at("generic"))
	davit(t, "index", "-q", at("of-skills"), "linux/amd64="+at("skill"), "linux/arm64="+at("generic"))
	davit(t, "index", "-q", at("nested"), at("image"))
	for tag, want := range map[string]struct {
		kind     string
		requests int // of lock check
	}{
		"image": {"image", 3}, "model": {"model", 2}, "generic": {"generic", 2}, "of-files": {"generic", 2}, "of-skills": {"skill", 3}, "nested": {"image", 4},
	} {
		if got := davit(t, "inspect", at(tag), "--format", "{{.kind}}"); got != want.kind {
			t.Errorf("%s: inspect: got %q, want %q", tag, got, want.kind)
		}
		name := tag + ".lock"
		davit(t, "lock", "update", at(tag), "--lock", name)
		updated := readFile(t, name)
		if !strings.Contains(updated, `"kind": "`+want.kind+`"`) {
			t.Errorf("%s: lock update: got %s, want the kind %s", tag, updated, want.kind)
		}
		pulled := "pulled-" + name
		davit(t, "pull", "-q", at(tag), "--lock", pulled, "--platform", "linux/amd64", "-o", "out-"+tag)
		if got := readFile(t, pulled); got != updated {
			t.Errorf("%s: pull --lock: got %s, want %s", tag, got, updated)
		}
		reg.ResetLog()
		davit(t, "lock", "check", "--lock", name)
		if got := reg.Count(); got > want.requests {
			t.Errorf("%s: lock check took %d requests, want at most %d: %v", tag, got, want.requests, ops(reg))
		}
		for _, kind := range []string{"generic", "docs"} {
			writeFile(t, "other.lock", strings.Replace(updated, `"`+want.kind+`"`, `"`+kind+`"`, 1))
			isIndex := tag == "image" || tag == "nested" || strings.HasPrefix(tag, "of-")
			isValid := kind == want.kind || kind == "generic" && isIndex
			for _, args := range [][]string{
				{"lock", "check", "--lock", "other.lock"},
				{"pull", "-q", at(tag), "--lock", "other.lock", "--platform", "linux/amd64", "-o", "other-" + tag},
			} {
				var stdout, stderr bytes.Buffer
				if code := Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); (code == 0) != isValid {
					t.Errorf("%s locked as %s: %s: exit code %d, %s%s", tag, kind, args[0], code, &stdout, &stderr)
				}
			}
		}
	}
}

// TestLockSparseIndex checks that an index whose first manifest is missing can be locked.
func TestLockSparseIndex(t *testing.T) {
	examples := inEmptyHome(t)
	davit(t, "push", "-q", examples+"/platforms", "./oci:1")
	davit(t, "lock", "update", "./oci:1", "--lock", "full.lock")
	first := davit(t, "inspect", "./oci:1", "--format", "{{(index .manifests 0).digest}}")
	if err := os.Remove("oci/blobs/sha256/" + strings.TrimPrefix(first, "sha256:")); err != nil {
		t.Fatal(err)
	}
	davit(t, "lock", "check", "--lock", "full.lock")
	davit(t, "lock", "update", "./oci:1", "--lock", "sparse.lock")
	davit(t, "lock", "check", "--lock", "sparse.lock")
}

// inEmptyHome changes to an empty home directory, and returns the path of the examples.
func inEmptyHome(t *testing.T) string {
	t.Helper()
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Chdir(dir)
	return examples
}
