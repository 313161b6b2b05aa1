//go:build linux

package pull_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
)

// TestNamesThatArePackedCanBePulled checks which file names each kind packs, and that a pull accepts all of them. Images and volumes
// keep names exactly; other kinds need names that are valid on every system.
func TestNamesThatArePackedCanBePulled(t *testing.T) {
	t.Parallel()
	type verdict struct{ exact, portable bool } // whether kinds with exact names, and other kinds, pack the names
	for name, test := range map[string]struct {
		files []string
		want  verdict
	}{
		"portable names":                  {[]string{"a b", "é", ".hidden", "-dash", "quote\"'", "Foo::Bar.3pm", "emoji 🙂"}, verdict{true, true}},
		"files that differ in case":       {[]string{"include/xt_DSCP.h", "include/xt_dscp.h"}, verdict{true, false}},
		"directories that differ in case": {[]string{"A/x", "a/y"}, verdict{true, false}},
		"composed and decomposed accents": {[]string{"é", "e\u0301"}, verdict{true, false}},
		"long s and S":                    {[]string{"ſ", "S"}, verdict{true, false}},
		"drive letter":                    {[]string{"C:/x"}, verdict{false, false}},
		"colon in a name":                 {[]string{"x:y", "A::B.3pm"}, verdict{true, false}},
		"backslash":                       {[]string{`a\b`}, verdict{true, false}},
		"deep path":                       {[]string{strings.Repeat("d/", 100) + "f"}, verdict{true, true}},
		"too deep path":                   {[]string{strings.Repeat("d/", 256) + "f"}, verdict{false, false}},
		"tab":                             {[]string{"d/tab\tt"}, verdict{true, false}},
		"newline":                         {[]string{"new\nline/f"}, verdict{true, false}},
		"delete character":                {[]string{"a\x7fb"}, verdict{true, false}},
	} {
		for kind, isExact := range map[string]bool{"image": true, "volume": true, "generic": false, "flux": false} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				write(t, dir, "in/deploy.yaml", "apiVersion: v1\nkind: ConfigMap\n")
				for _, file := range test.files {
					write(t, dir, filepath.Join("in", file), file)
				}
				want := test.want.portable
				if isExact {
					want = test.want.exact
				}
				fsys := os.DirFS(dir)
				s := &artifact.Spec{Kind: kind, Layers: []spec.LayerSpec{{Path: "in/"}}}
				if kind == "generic" {
					s.Layers[0].Packing = mediatypes.TarZstd
				}
				plan, err := artifact.Compose(fsys, s)
				if (err == nil) != want {
					t.Fatalf("Compose: got %v, want accepted %t", err, want)
				}
				if err != nil {
					if !strings.Contains(err.Error(), "in/") {
						t.Errorf("Compose: got %v, want the name of a file", err)
					}
					return
				}
				store := newStore()
				if _, err := pack.Push(t.Context(), fsys, plan, store, pack.PushOptions{Tags: []string{"v1"}}); err != nil {
					t.Fatal(err)
				}
				out := filepath.Join(dir, "out")
				if _, err := pull.Artifact(t.Context(), store, "v1", openRoot(t, out), pull.Options{NoSync: true, State: out + ".state"}); err != nil {
					t.Fatal(err)
				}
				got := listNames(t, out)
				for _, file := range test.files {
					if !slices.ContainsFunc(got, func(name string) bool { return name == file || strings.HasSuffix(name, "/"+file) }) {
						t.Errorf("pulled: got %q, want %q among them", got, file)
					}
				}
			})
		}
	}
}

// listNames lists the files and directories below dir.
func listNames(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		all = append(all, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
