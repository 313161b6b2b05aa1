package artifact_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/detect"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// detectFiles holds files and directories of different kinds.
var detectFiles = map[string]string{
	"bom.txt":                            `{"bomFormat":"CycloneDX","specVersion":"1.6"}`,
	"down.md":                            kindtest.RunbookFile,
	"manual/index.md":                    "# x\n",
	"site/index.html":                    "x",
	"site/app.go":                        "x",
	"notes.txt":                          "x",
	"HighLatency.md":                     "Restart the service.\n",
	"README.md":                          "# Read me\n",
	"ops/down.md":                        kindtest.RunbookFile,
	"ops/graph.png":                      "x",
	"boms/a.spdx":                        kindtest.TagValue,
	"boms/.davitignore":                  "*.tmp\n",
	"boms/x.tmp":                         "x",
	"app/compose.yaml":                   "services: {web: {image: nginx}}\n",
	"app/README.md":                      "# x\n",
	"app/prometheus.yml":                 "scrape_configs: []\n",
	"code/docs/index.md":                 "# x\n",
	"code/main.go":                       "x",
	"mod/Modelfile":                      "MODEL x.bin\n",
	"mod/x.bin":                          "x",
	"mod/tiny.dduf":                      "x",
	"kit/Kitfile":                        "manifestVersion: 1.0.0\nmodel: {path: tiny.dduf}\n",
	"kit/tiny.dduf":                      "x",
	"kit/more/tiny.dduf":                 "x",
	"run/tiny.dduf":                      "x",
	"run/checkpoint-1/tiny.dduf":         "x",
	"run/checkpoint-1/optimizer.pt":      "x",
	"kept/tiny.dduf":                     "x",
	"kept/empty/.env":                    "x",
	"charts/web/Chart.yaml":              "apiVersion: v2\nname: web\nversion: 1.0.0\n",
	"src/one/devcontainer-feature.json":  `{"id":"one","version":"1.0.0","name":"One"}`,
	"src/one/install.sh":                 "true\n",
	"src/two/devcontainer-feature.json":  `{"id":"two","version":"1.0.0","name":"Two"}`,
	"src/two/install.sh":                 "true\n",
	"lone/one/devcontainer-feature.json": `{"id":"one","version":"1.0.0","name":"One"}`,
	"lone/one/install.sh":                "true\n",
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		paths []string
		kind  string
		want  string // kind and layers
		notes string
	}{
		{"an SBOM with another extension", []string{"bom.txt"}, "", "sbom [bom.txt]", "[detected kind sbom: bom.txt has bomFormat CycloneDX 1.6]"},
		{"a runbook", []string{"down.md"}, "", "runbook [down.md]", `[detected kind runbook: down.md has "alerts" in its front matter]`},
		{"a runbook and another file", []string{"notes.txt", "down.md"}, "", "runbook [notes.txt down.md]", `[detected kind runbook: down.md has "alerts" in its front matter]`},
		{"a directory of pages", []string{"manual"}, "", "docs [manual]", "[detected kind docs: manual holds index.md and only pages]"},
		{"a directory with a web page and code", []string{"site/"}, "", "generic [site/]", "[detected kind generic: no other fits site; --kind sets another]"},
		{"a directory with a runbook and a picture", []string{"ops"}, "", "runbook [ops/down.md ops/graph.png]", `[detected kind runbook: ops/down.md has "alerts" in its front matter]`},
		{"a directory with an SBOM and an ignored file", []string{"boms"}, "", "sbom [boms/a.spdx]", "[detected kind sbom: boms/a.spdx begins with SPDXVersion: SPDX-2.3]"},
		{"a directory with a compose file and other files", []string{"app"}, "", "compose [app/compose.yaml]",
			"[detected kind compose: app/compose.yaml has services]"},
		{"a directory with code and pages in a subdirectory", []string{"code"}, "", "generic [code]", "[detected kind generic: no other fits code; --kind sets another]"},
		{"a directory with a chart in a subdirectory", []string{"charts"}, "", "helm [charts/web]", "[detected kind helm: charts/web has a Chart.yaml]"},
		{"a directory with a Modelfile", []string{"mod"}, "", "modelpack [mod]", "[detected kind modelpack: mod/Modelfile names files with MODEL]"},
		{"a directory with a Kitfile", []string{"kit"}, "", "modelkit [kit/Kitfile kit/more/tiny.dduf kit/tiny.dduf]", "[detected kind modelkit: kit/Kitfile has a manifestVersion]"},
		{"a model with a training checkpoint", []string{"run"}, "", "model [run]", "[detected kind model: run/checkpoint-1/tiny.dduf looks like weights]"},
		{"kind modelkit, a subdirectory with only hidden files", []string{"kept"}, "modelkit", "modelkit [kept/tiny.dduf]", "[]"},
		{"a directory with two Features", []string{"src"}, "", "collection [src]", "[detected kind collection: src has a devcontainer-feature.json in one and others beside it]"},
		{"a directory with one Feature", []string{"lone"}, "", "collection [lone]",
			"[detected kind collection: lone has a devcontainer-feature.json in one collection: lone/one is the only feature; name that directory to pack it alone]"},
		{"a Feature", []string{"lone/one"}, "", "feature [lone/one]", "[detected kind feature: lone/one has a devcontainer-feature.json]"},
		{"kind feature, a directory with one Feature", []string{"lone"}, "feature", "feature [lone/one]", "[]"},
		{"kind collection, a directory with one Feature", []string{"lone"}, "collection", "collection [lone]", "[]"},
		{"kind compose, a directory with other files", []string{"app"}, "compose", "compose [app/compose.yaml]", "[]"},
		{"kind runbook, a directory with a picture", []string{"ops"}, "runbook", "runbook [ops]", "[]"},
		{"a text file", []string{"notes.txt"}, "", "generic [notes.txt]", "[detected kind generic: no other fits notes.txt; --kind sets another]"},
		{"a text file and a directory of code", []string{"notes.txt", "code"}, "", "generic [notes.txt code]", "[detected kind generic: no other fits notes.txt, code; --kind sets another]"},
		{"a Markdown page", []string{"HighLatency.md"}, "", "generic [HighLatency.md]",
			"[detected kind generic: no other fits HighLatency.md; --kind sets another, such as docs or runbook]"},
		{"two Markdown pages", []string{"HighLatency.md", "README.md"}, "", "generic [HighLatency.md README.md]",
			"[detected kind generic: no other fits HighLatency.md, README.md; --kind sets another, such as docs or runbook]"},
		{"a Markdown page and a text file", []string{"HighLatency.md", "notes.txt"}, "", "generic [HighLatency.md notes.txt]",
			"[detected kind generic: no other fits HighLatency.md, notes.txt; --kind sets another]"},
		{"kind runbook, a Markdown page", []string{"HighLatency.md"}, "runbook", "runbook [HighLatency.md]", "[]"},
		{"kind generic, an SBOM", []string{"bom.txt"}, "generic", "generic [bom.txt]", "[]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fsys := kindtest.Tree(t, detectFiles).FS()
			spec, notes, err := artifact.Detect(fsys, tc.paths, tc.kind)
			if err != nil {
				t.Fatal(err)
			}
			var layers []string
			for _, l := range spec.Layers {
				layers = append(layers, l.Path)
			}
			if got := fmt.Sprint(spec.Kind, " ", layers); got != tc.want || fmt.Sprint(notes) != tc.notes {
				t.Errorf("got %s %v, want %s %s", got, notes, tc.want, tc.notes)
			}
			if _, err := artifact.Compose(fsys, spec); err != nil {
				t.Errorf("Compose: %v", err)
			}
		})
	}
}

// TestDetectCollections checks that a directory of Features or Templates is a collection with one of them and with several, with and
// without other files, under any name, and that Starter and the named kind agree.
func TestDetectCollections(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"feature", "template"} {
		for _, home := range []string{".", "src", "repo", "repo/src"} {
			for count := 1; count <= 2; count++ {
				files := map[string]string{home + "/.hidden": "x"}
				for i := range count {
					id := string(rune('a' + i))
					dir := path.Join(home, id)
					files[path.Join(dir, "devcontainer-"+kind+".json")] = fmt.Sprintf(`{"id":%q,"version":"1.0.0","name":"A"}`, id)
					files[path.Join(dir, "install.sh")], files[path.Join(dir, ".devcontainer.json")] = "true\n", `{"image":"x"}`
				}
				checkCollection(t, files, home)
				top := strings.TrimSuffix(strings.TrimSuffix(home, "src"), "/")
				if strings.Contains(top, "/") || home == "repo" {
					continue // beside other files, only the directory itself and its src are searched
				}
				files[path.Join(top, "README.md")], files[path.Join(top, "test/a/test.sh")] = "# x\n", "true\n"
				checkCollection(t, files, home)
				files[path.Join(top, "devcontainer-"+kind+".json")] = `{"id":"x","version":"1.0.0","name":"X"}`
				if got, _, err := artifact.Detect(kindtest.Tree(t, files).FS(), []string{path.Join(".", top)}, ""); err != nil || got.Kind != kind {
					t.Errorf("%s: got %+v, %v; want kind %s", slices.Sorted(maps.Keys(files)), got, err, kind)
				}
			}
		}
	}
}

func checkCollection(t *testing.T, files map[string]string, home string) {
	t.Helper()
	fsys := kindtest.Tree(t, files).FS()
	first, _, _ := strings.Cut(home, "/")
	dirs := []string{home, "."}
	if _, ok := files["README.md"]; !ok && first != "src" {
		dirs = append(dirs, first)
	}
	for _, dir := range dirs {
		names := slices.Sorted(maps.Keys(files))
		for _, kind := range []string{"", "collection"} {
			got, _, err := artifact.Detect(fsys, []string{dir}, kind)
			if err != nil || got.Kind != "collection" {
				t.Errorf("%s in %v, kind %q: got %+v, %v; want a collection", dir, names, kind, got, err)
				continue
			}
			if _, err := artifact.Compose(fsys, got); err != nil {
				t.Errorf("%s in %v, kind %q: Compose: %v", dir, names, kind, err)
			}
			text, err := artifact.Starter(fsys, dir, kind)
			if err != nil || !strings.Contains(string(text), "\nkind: collection") {
				t.Errorf("%s in %v, kind %q: Starter: %v\n%s", dir, names, kind, err, text)
			}
		}
	}
}

func TestDetectErrors(t *testing.T) {
	t.Parallel()
	fsys := kindtest.Tree(t, detectFiles).FS()
	for _, tc := range []struct{ name, path, kind, want string }{
		{"missing file", "nothing", "", `"nothing" does not exist`},
		{"unknown kind", "bom.txt", "sbon", `"sbon": unknown kind`},
		{"no file of the kind", "manual", "wasm", `"wasm": no file here has a role in this kind`},
	} {
		_, _, err := artifact.Detect(fsys, []string{tc.path}, tc.kind)
		if fmt.Sprint(err) != tc.want || !errors.Is(err, spec.ErrInvalid) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

func TestDetectReturnsAmbiguousError(t *testing.T) {
	t.Parallel()
	fsys := kindtest.Tree(t, map[string]string{"both/index.md": "---\nalerts: [A]\n---\n# both\n"}).FS()
	_, _, err := artifact.Detect(fsys, []string{"both"}, "")
	var ambiguous *detect.AmbiguousError
	if !errors.As(err, &ambiguous) || !errors.Is(err, spec.ErrInvalid) {
		t.Fatalf("got %v, want an AmbiguousError", err)
	}
	want := []detect.Candidate{{Kind: "docs", Evidence: "both holds index.md and only pages"}, {Kind: "runbook", Evidence: `both/index.md has "alerts" in its front matter`}}
	if !slices.Equal(ambiguous.Candidates, want) {
		t.Errorf("got %v, want %v", ambiguous.Candidates, want)
	}
}

func TestDetectNamesAllKindsThatFit(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"x/tiny.gguf": "GGUF", "x/app.wasm": "\x00asm\x01\x00\x00\x00",
		"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n", "web/compose.yaml": "services: {web: {image: nginx}}\n",
		"down.md": kindtest.RunbookFile, "bom": `{"bomFormat":"CycloneDX","specVersion":"1.6"}`,
	}
	for _, tc := range []struct {
		paths []string
		want  string
	}{
		{[]string{"x"}, `more than one kind fits: model (x/tiny.gguf looks like weights), wasm (x/app.wasm begins with \0asm)`},
		{[]string{"x/app.wasm", "x/tiny.gguf"}, `more than one kind fits: model (x/tiny.gguf looks like weights), wasm (x/app.wasm begins with \0asm)`},
		{[]string{"down.md", "bom"}, `more than one kind fits: runbook (down.md has "alerts" in its front matter), sbom (bom has bomFormat CycloneDX 1.6)`},
		{[]string{"web"}, "more than one kind fits: compose (web/compose.yaml has services), helm (web has a Chart.yaml)"},
	} {
		_, _, err := artifact.Detect(kindtest.Tree(t, files).FS(), tc.paths, "")
		if fmt.Sprint(err) != tc.want || !errors.Is(err, spec.ErrInvalid) {
			t.Errorf("%v: got %v, want %s", tc.paths, err, tc.want)
		}
	}
}

// TestStarterAgreesWithDetect checks that Starter declares the kind that Detect finds.
func TestStarterAgreesWithDetect(t *testing.T) {
	t.Parallel()
	fsys := kindtest.Tree(t, map[string]string{
		"chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"mod/Modelfile":    "MODEL x.dduf\n", "mod/x.dduf": "x",
		"col/one/devcontainer-feature.json": `{"id":"one","version":"1.0.0","name":"One"}`, "col/one/install.sh": "true\n",
		"col/two/devcontainer-feature.json": `{"id":"two","version":"1.0.0","name":"Two"}`, "col/two/install.sh": "true\n",
		"feat/devcontainer-feature.json": `{"id":"feat","version":"1.0.0","name":"Feat"}`, "feat/install.sh": "true\n",
		"tmpl/devcontainer-template.json": `{"id":"tmpl","version":"1.0.0","name":"Tmpl"}`, "tmpl/.devcontainer.json": `{"image":"x"}`,
		"app/compose.yaml": "services: {web: {image: nginx}}\n", "app/README.md": "# x\n",
		"proj/docs/index.md": "# x\n", "code/docs/index.md": "# x\n", "code/main.go": "x",
		"onnx/net.onnx": "x", "onnx/config.json": "{}",
		"bottles/greeting--1.2.3.x86_64_linux.bottle.tar.gz": string(kindtest.GreetingBottle("x86_64")),
		"bottles/greeting--1.2.3.arm64_sonoma.bottle.tar.gz": string(kindtest.GreetingBottle("arm64")),
	}).FS()
	for dir, kind := range map[string]string{"chart": "helm", "mod": "modelpack", "col": "collection", "feat": "feature", "tmpl": "template", "app": "compose",
		"proj": "docs", "code": "generic", "onnx": "modelpack", "bottles": "bottle"} {
		spec, _, err := artifact.Detect(fsys, []string{dir}, "")
		if err != nil || spec.Kind != kind {
			t.Errorf("%s: Detect: got %+v, %v, want kind %s", dir, spec, err, kind)
		}
		text, err := artifact.Starter(fsys, dir, "")
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		if spec, err := artifact.Parse("davit.yaml", text); err != nil || spec.Kind != kind {
			t.Errorf("%s: Starter: got %+v, %v, want kind %s", dir, spec, err, kind)
		}
	}
}

func TestStarter(t *testing.T) {
	t.Parallel()
	const head = `# What davit packs from this directory. Try it: davit check, then davit push --dry-run.

`
	const options = `# version: 1.0.0
# tags: [latest] # besides the tag of the target
# annotations:
#   org.opencontainers.image.licenses: Apache-2.0
#   org.opencontainers.image.source: https://example.com/repository
`
	const referrers = `
# referrers: # packed, pushed and attached together with this artifact
#   - {kind: sbom, layers: [sbom.spdx.json]}
`
	for _, tc := range []struct {
		name  string
		files map[string]string
		kind  string
		want  string
	}{
		{"files that show no kind", map[string]string{"x/a.txt": "x", "x/data/b": "x", "x/.hidden": "x", "x/oci/oci-layout": "{}"}, "",
			head + "kind: generic # no file shows another kind\nname: x\n" + options +
				"\nlayers: # files, directories and globs; see davit kinds generic\n  - a.txt # file\n  - data # directory\n" + referrers},
		{"an SBOM and another file", map[string]string{"x/b, c.json": `{"spdxVersion":"SPDX-2.3"}`, "x/a.txt": "x"}, "sbom",
			head + "kind: sbom # b, c.json has spdxVersion SPDX-2.3\nname: x\n" + options +
				"\nlayers: # files, directories and globs; see davit kinds sbom\n  - \"b, c.json\"\n  # - a.txt # has no role in this kind\n" + referrers},
		{"a directory of pages", map[string]string{"x/index.md": "# x"}, "",
			head + "kind: docs # the directory holds index.md and only pages\nname: x\n" + options +
				"# config: # overrides the values read from the files; see davit schema docs\n" +
				"#   index: # first page, by its path after a pull\n#   title: # title of the documentation\n" +
				"\nlayers: # files, directories and globs; see davit kinds docs\n  - . # pages\n" + referrers},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := artifact.Starter(kindtest.Tree(t, tc.files).FS(), "x", tc.kind)
			if err != nil || string(got) != tc.want {
				t.Errorf("got %v\n%s\nwant\n%s", err, got, tc.want)
			}
		})
	}
}

func TestStarterAttachesDocumentsToModel(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"bom.json": `{"bomFormat":"CycloneDX","specVersion":"1.6"}`, "down.md": kindtest.RunbookFile,
		"tiny.gguf": string(formattest.TinyLlama().Bytes()), "README.md": "# x\n",
	}
	got, err := artifact.Starter(kindtest.Tree(t, files).FS(), ".", "")
	if err != nil {
		t.Fatal(err)
	}
	declared, err := artifact.Parse("davit.yaml", got)
	if err != nil {
		t.Fatal(err)
	}
	removePositions(declared)
	want := &spec.Spec{Kind: "model", Name: "tiny", Layers: []spec.LayerSpec{{Path: "README.md"}, {Path: "tiny.gguf"}}, Referrers: []*spec.Spec{
		{Kind: "runbook", Layers: []spec.LayerSpec{{Path: "down.md"}}}, {Kind: "sbom", Layers: []spec.LayerSpec{{Path: "bom.json"}}}}}
	if !reflect.DeepEqual(declared, want) {
		t.Errorf("got %+v, want %+v, from\n%s", declared, want, got)
	}
}

// TestStarterOffersPlatforms checks that Starter offers a platform for each file if the kind takes only one file.
func TestStarterOffersPlatforms(t *testing.T) {
	t.Parallel()
	const module = "\x00asm\x01\x00\x00\x00"
	got, err := artifact.Starter(kindtest.Tree(t, map[string]string{"app-amd64.wasm": module, "app-arm64.wasm": module, "notes": "x"}).FS(), ".", "")
	const want = `
layers: # files, directories and globs; see davit kinds wasm
  - app-amd64.wasm
  # - notes # has no role in this kind
# platforms: # instead of layers: one artifact for each platform, under one index
#   - {platform: OS/ARCH, layers: [app-amd64.wasm]}
#   - {platform: OS/ARCH, layers: [app-arm64.wasm]}
`
	if err != nil || !strings.Contains(string(got), want) {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}

// TestStarterAttachesDocsToCode checks that documentation beside code becomes a referrer of the code.
func TestStarterAttachesDocsToCode(t *testing.T) {
	t.Parallel()
	got, err := artifact.Starter(kindtest.Tree(t, map[string]string{"main.go": "x", "docs/index.md": "# x\n"}).FS(), ".", "")
	if err != nil {
		t.Fatal(err)
	}
	declared, err := artifact.Parse("davit.yaml", got)
	if err != nil {
		t.Fatal(err)
	}
	removePositions(declared)
	want := &spec.Spec{Kind: "generic", Name: "generic", Layers: []spec.LayerSpec{{Path: "main.go"}}, Referrers: []*spec.Spec{{Kind: "docs", Layers: []spec.LayerSpec{{Path: "docs"}}}}}
	if !reflect.DeepEqual(declared, want) {
		t.Errorf("got %+v, want %+v, from\n%s", declared, want, got)
	}
}

func TestStarterRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, kind, want string
		files            map[string]string
	}{
		{"all files ignored", "", `"." has no files in it besides those that are left out: x`, map[string]string{"x": "", ".davitignore": "*\n"}},
		{"unknown kind", "sbon", `"sbon": unknown kind`, map[string]string{"a": "x"}},
		{"no file with a role", "sbom", `"sbom": no file here has a role in this kind`, map[string]string{"a": "x"}},
		{"files of two kinds", "", `more than one kind fits: runbook (down.md has "alerts" in its front matter), sbom (bom has bomFormat CycloneDX)`,
			map[string]string{"bom": `{"bomFormat":"CycloneDX"}`, "down.md": kindtest.RunbookFile}},
		{"broken model", "model", `x.gguf: not a GGUF file: it begins with "garb"`, map[string]string{"x.gguf": "garbage"}},
	} {
		_, err := artifact.Starter(kindtest.Tree(t, tc.files).FS(), ".", tc.kind)
		if fmt.Sprint(err) != tc.want || !errors.Is(err, spec.ErrInvalid) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

// locked is a file system whose files can't be read.
type locked struct{ fs.FS }

// Open opens only the root directory.
func (l locked) Open(name string) (fs.File, error) {
	if name == "." {
		return l.FS.Open(name)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// Stat implements fs.StatFS.
func (l locked) Stat(name string) (fs.FileInfo, error) { return fs.Stat(l.FS, name) }

func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	_, err := artifact.Compose(locked{kindtest.Tree(t, map[string]string{"a": "x"}).FS()}, &spec.Spec{Kind: "generic", Layers: []spec.LayerSpec{{Path: "a"}}})
	var problems spec.Problems
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Err != fs.ErrPermission {
		t.Fatalf("got %v, want one problem with fs.ErrPermission", err)
	}
	if got, want := err.Error(), `"a" can't be read: permission denied`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPushAndInitChooseTheSame checks that a push without a davit.yaml, and the davit.yaml that init writes, choose the same kind
// and the same files with the same roles. Files that init makes referrers are not compared. For kind generic, roles are not
// compared: push packs the directory as one layer, and init lists the entries of the directory.
func TestPushAndInitChooseTheSame(t *testing.T) {
	t.Parallel()
	const chart, module = "apiVersion: v2\nname: web\nversion: 1.0.0\n", "\x00asm\x01\x00\x00\x00"
	bom := `{"bomFormat":"CycloneDX","specVersion":"1.6"}`
	for name, files := range map[string]map[string]string{
		"chart":                      {"Chart.yaml": chart, "values.yaml": "a: 1\n"},
		"chart in a subdirectory":    {"web/Chart.yaml": chart},
		"chart beside code":          {"web/Chart.yaml": chart, "main.go": "x"},
		"chart beside a runbook":     {"web/Chart.yaml": chart, "down.md": kindtest.RunbookFile},
		"module in a subdirectory":   {"out/app.wasm": module},
		"module and notes":           {"app.wasm": module, "notes": "x"},
		"module and model":           {"app.wasm": module, "tiny.gguf": string(formattest.TinyLlama().Bytes())},
		"model and documents":        {"tiny.gguf": string(formattest.TinyLlama().Bytes()), "bom.json": bom, "down.md": kindtest.RunbookFile},
		"pages beside code":          {"docs/index.md": "# x\n", "main.go": "x"},
		"pages":                      {"index.md": "# x\n", "more/a.md": "# a\n"},
		"document in a subdirectory": {"more/b.cdx.json": bom},
		"document and runbook":       {"a.cdx.json": bom, "down.md": kindtest.RunbookFile},
		"runbook and its pictures":   {"down.md": kindtest.RunbookFile, "graph.png": "x"},
		"compose and a readme":       {"compose.yaml": "services: {web: {image: nginx}}\n", "README.md": "# x\n"},
		"compose and chart":          {"compose.yaml": "services: {web: {image: nginx}}\n", "Chart.yaml": chart},
		"files that show no kind":    {"a": "x", "b/c": "y"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			below := map[string]string{}
			for name, content := range files {
				below["x/"+name] = content
			}
			fsys := kindtest.Tree(t, below).FS()
			pushed, _, pushErr := artifact.Detect(fsys, []string{"x"}, "")
			text, initErr := artifact.Starter(fsys, "x", "")
			if pushErr != nil || initErr != nil {
				if pushErr == nil || initErr == nil || strings.ReplaceAll(strings.ReplaceAll(pushErr.Error(), "x/", ""), "(x ", "(the directory ") != initErr.Error() {
					t.Errorf("push: got %v, init: got %v, want the same error", pushErr, initErr)
				}
				return
			}
			declared, err := artifact.Parse("davit.yaml", text)
			if err != nil {
				t.Fatal(err)
			}
			if pushed.Kind != declared.Kind {
				t.Fatalf("push: got kind %s, init: got kind %s, want the same", pushed.Kind, declared.Kind)
			}
			referred := map[string]bool{}
			for _, r := range declared.Referrers {
				for _, l := range r.Layers {
					referred[l.Path] = true
				}
			}
			for i := range declared.Layers {
				declared.Layers[i].Path = strings.TrimSuffix("x/"+declared.Layers[i].Path, "/.")
			}
			declared.Referrers = nil
			if got, want := rolesOf(t, fsys, declared, nil), rolesOf(t, fsys, pushed, referred); !slices.Equal(got, want) {
				t.Errorf("init: got %q, push: got %q, want the same", got, want)
			}
		})
	}
}

// rolesOf lists the files that a declaration packs, except those at or below the paths in except. It adds the role to each file,
// unless the kind is generic.
func rolesOf(t *testing.T, fsys fs.FS, s *spec.Spec, except map[string]bool) []string {
	t.Helper()
	plan, err := artifact.Compose(fsys, s)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, l := range plan.Layers {
		err := fs.WalkDir(fsys, l.Path, func(name string, d fs.DirEntry, err error) error {
			for p := name; err == nil && !d.IsDir(); p = p[:max(0, strings.LastIndexByte(p, '/'))] {
				if p == "" {
					if s.Kind != "generic" {
						name += " " + l.Role
					}
					files = append(files, name)
				}
				if p == "" || except[strings.TrimPrefix(p, "x/")] {
					break
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(files)
	return files
}
