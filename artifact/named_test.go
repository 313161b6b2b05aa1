package artifact_test

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

const (
	kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n"
	webChart      = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
	dbChart       = "apiVersion: v2\nname: db\nversion: 1.0.0\n"
	wasmModule    = "\x00asm\x01\x00\x00\x00"
)

// packedFiles lists the files in the layers of a plan, relative to dir.
func packedFiles(t *testing.T, fsys fs.FS, plan *artifact.Plan, dir string) []string {
	t.Helper()
	var found []string
	for _, l := range plan.Layers {
		err := fs.WalkDir(fsys, l.Path, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if l.Files == nil && (l.Exclude == nil || !l.Exclude(strings.TrimPrefix(name, l.Path+"/"), false)) || slices.Contains(l.Files, name) {
				found = append(found, strings.TrimPrefix(name, dir+"/"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(found)
	return found
}

// TestNamedKindTakesTheWholeDirectory checks that each file in a directory of a named kind is either packed or listed as left
// out.
func TestNamedKindTakesTheWholeDirectory(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, kind string
		files      map[string]string
		left       string // files that are left out
	}{
		{"overlays", "flux", map[string]string{"base/kustomization.yaml": kustomization, "prod/kustomization.yaml": kustomization, "prod/patch.yaml": "a: 1\n", "README.md": "x"}, ""},
		{"one overlay", "flux", map[string]string{"clusters/kustomization.yaml": kustomization, "notes.txt": "x"}, ""},
		{"pages and code", "docs", map[string]string{"index.md": "# x\n", "guide/index.md": "# x\n", "ref/api.md": "# x\n", "img/a.png": "x", "ref/sample.py": "x"}, ""},
		{"pages and a CNAME file", "docs", map[string]string{"index.md": "# x\n", "CNAME": "example.com\n", "theme/base.css": "x"}, ""},
		{"a website with a _data directory", "volume", map[string]string{"_data/nav.yml": "x", "posts/a.md": "x", "_config.yml": "x"}, ""},
		{"a _data directory and a hidden file", "volume", map[string]string{"_data/nav.yml": "x", ".profile": "x"}, ""},
		{"a docker volume", "volume", map[string]string{"_data/a": "x", "_data/b/c": "x"}, ""},
		{"a root file system in a subdirectory", "image", map[string]string{"rootfs/bin/sh": "x", "rootfs/etc/os-release": "x", "Dockerfile": "x"}, ""},
		{"a module and its source", "wasm", map[string]string{"app.wasm": wasmModule, "README.md": "x", ".gitignore": "x", "src/main.rs": "x"}, ".gitignore README.md src/"},
		{"a chart and a hidden file beside it", "helm", map[string]string{"web/Chart.yaml": webChart, "web/values.yaml": "a: 1\n", ".gitignore": "x"}, ".gitignore"},
		{"an application and other files", "compose", map[string]string{"compose.yaml": "services: {web: {image: nginx, env_file: conf/web.env}}\n", "conf/web.env": "A=1\n", "conf/db.env": "B=1\n",
			".env": "TAG=1\n", "src/main.go": "x"}, ".env conf/db.env src/"},
		{"an ignored file", "sbom", map[string]string{"a.spdx.json": `{"spdxVersion":"SPDX-2.3"}`, "x.log": "x", "y": "x", ".davitignore": "*.log\n"}, "x.log y"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fsys := newFS("some/dir", tc.files)
			plan := composeDetected(t, fsys, tc.kind, "some/dir")
			left := slices.Clone(plan.LeftOut)
			for i := range left {
				left[i] = strings.TrimPrefix(left[i], "some/dir/")
			}
			slices.Sort(left)
			if got := strings.Join(left, " "); got != tc.left {
				t.Errorf("left out: got %q, want %q", got, tc.left)
			}
			packed := packedFiles(t, fsys, plan, "some/dir")
			for name := range tc.files {
				out := slices.ContainsFunc(strings.Fields(tc.left), func(l string) bool { return l == name || strings.HasSuffix(l, "/") && strings.HasPrefix(name, l) })
				ignored := path.Base(name) == ".davitignore" || strings.HasSuffix(name, ".log")
				if slices.Contains(packed, name) == (out || ignored) {
					t.Errorf("%s: packed: got %t, want %t", name, out || ignored, !(out || ignored))
				}
			}
		})
	}
}

// TestNamedKindTakesOneFile checks that the error names all candidates if the kind takes one file and the directory has several.
func TestNamedKindTakesOneFile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind  string
		files map[string]string
		want  string
	}{
		{"helm", map[string]string{"web/Chart.yaml": webChart, "db/Chart.yaml": dbChart}, `kind "helm" takes one chart, and the directory has several: dir/db, dir/web`},
		{"helm", map[string]string{"web/Chart.yaml": webChart, "db/Chart.yaml": dbChart, "README.md": "x"}, `kind "helm" takes one chart, and the directory has several: dir/db, dir/web`},
		{"wasm", map[string]string{"a.wasm": wasmModule, "b.wasm": wasmModule, "c.txt": "x"}, `kind "wasm" takes one wasm, and the directory has several: dir/a.wasm, dir/b.wasm`},
		{"wasm", map[string]string{"a.wasm": wasmModule, "more/b.wasm": wasmModule}, `kind "wasm" takes one wasm, and the directory has several: dir/a.wasm, dir/more/b.wasm`},
		{"feature", map[string]string{"one/devcontainer-feature.json": `{"id":"one"}`, "two/devcontainer-feature.json": `{"id":"two"}`},
			`kind "feature" takes one feature, and the directory has several: dir/one, dir/two`},
		{"sbom", map[string]string{"a.json": `{"spdxVersion":"SPDX-2.3"}`, "b.json": `{"bomFormat":"CycloneDX","specVersion":"1.6"}`},
			`kind "sbom" takes one sbom, and the directory has several: dir/a.json, dir/b.json`},
	} {
		_, _, err := artifact.Detect(newFS("dir", tc.files), []string{"dir"}, tc.kind)
		if err == nil || err.Error() != tc.want || !errors.Is(err, spec.ErrInvalid) {
			t.Errorf("%s %v: got %v, want %s", tc.kind, tc.files, err, tc.want)
		}
	}
}

// TestUnrelatedFilesAreIgnored checks that a README, a license, code, and other files of a repository change neither the layers nor
// the annotations if the user names the kind.
func TestUnrelatedFilesAreIgnored(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]map[string]string{
		"compose": {"compose.yaml": "services: {web: {image: nginx, env_file: [.env, ./web/web.env], label_file: l.labels}}\n", ".env": "A=1\n", "web/web.env": "B=1\n", "l.labels": "a=b\n"},
		"wasm":    {"app.wasm": wasmModule},
		"sbom":    {"bom.json": `{"bomFormat":"CycloneDX","specVersion":"1.6"}`},
		"helm":    {"web/Chart.yaml": webChart},
		"bottle":  {"greeting--1.2.3.x86_64_linux.bottle.tar.gz": string(kindtest.GreetingBottle("x86_64"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			describe := func(files fs.FS) string {
				plan := composeDetected(t, files, name, "dir")
				var lines []string
				for _, p := range append(plan.Platforms, plan) {
					lines = append(lines, kindtest.LayerLines(p))
					for key, value := range p.Annotations {
						lines = append(lines, key+"="+value)
					}
				}
				slices.Sort(lines)
				return strings.Join(lines, "\n")
			}
			want := describe(newFS("dir", tc))
			for _, more := range []map[string]string{{"README.md": "# x\n"}, {".gitignore": "x"}, {"LICENSE": "x", ".git/config": "x"}, {"Makefile": "x", "src/main.go": "x", ".github/workflows/ci.yml": "on: push\n"}} {
				if got := describe(newFS("dir", tc, more)); got != want {
					t.Errorf("with %v: got\n%s\nwant\n%s", more, got, want)
				}
			}
		})
	}
}
