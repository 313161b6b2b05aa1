package artifact_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// pieces returns sets of files. TestInitAgreesWithPush combines any two of them, and some threes, into one directory.
func pieces(t *testing.T) []map[string]string {
	return []map[string]string{
		{"a.wasm": "\x00asm\x01\x00\x00\x00"},
		{"b.wasm": "\x00asm\x01\x00\x00\x00"},
		{"tiny.gguf": string(formattest.TinyLlama().Bytes())},
		{"other.gguf": string(formattest.TinyLlama().Bytes())},
		{"LICENSE": "x"},
		{"README.md": "# x\n"},
		{"Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n"},
		{"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n"},
		{"db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 1.0.0\n"},
		{"web-1.0.0.tgz": kindtest.Tgz(t, "web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")},
		{"compose.yaml": "services: {web: {image: nginx}}\n"},
		{"stack.yaml": "services: {db: {image: pg}}\n"},
		{"bom.json": `{"bomFormat":"CycloneDX","specVersion":"1.6"}`},
		{"bom2.json": `{"spdxVersion":"SPDX-2.3"}`},
		{"down.md": kindtest.RunbookFile},
		{"ops/down.md": kindtest.RunbookFile},
		{"docs/index.md": "# x\n"},
		{"index.md": "# x\n"},
		{"main.go": "x"},
		{"src/main.go": "x"},
		{"one/devcontainer-feature.json": `{"id":"one","version":"1.0.0","name":"One"}`, "one/install.sh": "true\n"},
		{"two/devcontainer-feature.json": `{"id":"two","version":"1.0.0","name":"Two"}`, "two/install.sh": "true\n"},
		{"devcontainer-template.json": `{"id":"x","version":"1.0.0","name":"X"}`, ".devcontainer.json": `{"image":"x"}`},
		{"Modelfile": "MODEL x.dduf\n", "x.dduf": "x"},
		{"Kitfile": "manifestVersion: 1.0.0\nmodel: {path: x.dduf}\n", "x.dduf": "x"},
		{"usr/bin/x": "x", "etc/passwd": "x"},
		{"_data/a": "x"},
		{"broken.gguf": "garbage"},
		{"broken/Chart.yaml": "name: [\n"},
		{".hidden": "x"},
		{"greeting--1.2.3.x86_64_linux.bottle.tar.gz": string(kindtest.GreetingBottle("x86_64"))},
		{"greeting--1.2.3.arm64_sonoma.bottle.tar.gz": string(kindtest.GreetingBottle("arm64"))},
		{"deploy.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"},
		{"scan.sarif": `{"version":"2.1.0","runs":[]}`},
	}
}

// TestInitAgreesWithPush compares init with push for many directories and every kind. If push packs the directory, init declares
// the same kind. If push fails, init fails with the same messages, or it offers a platform for each of several files.
func TestInitAgreesWithPush(t *testing.T) {
	t.Parallel()
	pieces, names := pieces(t), kindNames()
	for i := range pieces {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for j := i; j < len(pieces); j++ {
				more := []int{-1}
				if k := j + 1 + (i+j)%7; (i+j)%3 == 0 && k < len(pieces) { // a sample of all combinations of three
					more = append(more, k)
				}
				for _, k := range more {
					files := fstest.MapFS{}
					for _, n := range []int{i, j, k} {
						if n >= 0 {
							for name, text := range pieces[n] {
								files[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
							}
						}
					}
					kinds := []string{""}
					if pair := i*len(pieces) + j; k < 0 && pair%3 == 0 { // each kind, with a sample of all pairs
						kinds = append(kinds, names[pair/3%len(names)])
					}
					for _, kind := range kinds {
						checkInit(t, files, kind)
					}
				}
			}
		})
	}
}

func checkInit(t *testing.T, fsys fstest.MapFS, kind string) {
	t.Helper()
	var pushed *spec.Plan
	declared, _, pushErr := artifact.Detect(fsys, []string{"."}, kind)
	if pushErr == nil {
		pushed, pushErr = artifact.Compose(fsys, declared)
	}
	text, initErr := artifact.Starter(fsys, ".", kind)
	where := func() string {
		var names []string
		for name := range fsys {
			names = append(names, name)
		}
		slices.Sort(names)
		return fmt.Sprintf("%v as %q", names, kind)
	}
	offersPlatforms := strings.Contains(string(text), "\n# platforms:")
	switch {
	case pushErr == nil && initErr != nil:
		t.Errorf("%s: push packs kind %s, init fails: %v", where(), pushed.Kind.Name, initErr)
	case pushErr != nil && initErr == nil && !offersPlatforms:
		t.Errorf("%s: init writes\n%s\npush fails: %v", where(), text, pushErr)
	case pushErr != nil && initErr != nil && sortedLines(pushErr) != sortedLines(initErr):
		t.Errorf("%s:\ninit fails: %v\npush fails: %v", where(), initErr, pushErr)
	case pushErr == nil:
		parsed, err := artifact.Parse("davit.yaml", text)
		if err != nil || parsed.Kind != pushed.Kind.Name {
			t.Errorf("%s: push packs kind %s, init declares %v (%v), want the same kind", where(), pushed.Kind.Name, parsed, err)
		}
	}
}

func sortedLines(err error) string {
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
