package artifact_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/formattest"
)

// readExample returns the content of a file in the examples directory.
func readExample(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// newFS returns a file system with the given files, by name, below dir.
func newFS(dir string, contents ...map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, part := range contents {
		for name, content := range part {
			fsys[path.Join(dir, name)] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
		}
	}
	return fsys
}

// composeDeclared composes the files that a davit.yaml declares.
func composeDeclared(t *testing.T, fsys fs.FS, davitYAML string) *artifact.Plan {
	t.Helper()
	spec, err := artifact.Parse("davit.yaml", []byte(davitYAML))
	if err != nil {
		t.Fatal(err)
	}
	return composeSpec(t, fsys, spec)
}

// composeDetected composes plain files as the given kind, or as the detected one if kind is empty.
func composeDetected(t *testing.T, fsys fs.FS, kind string, paths ...string) *artifact.Plan {
	t.Helper()
	spec, _, err := artifact.Detect(fsys, paths, kind)
	if err != nil {
		t.Fatal(err)
	}
	return composeSpec(t, fsys, spec)
}

// composeStarter composes the davit.yaml that init writes for dir.
func composeStarter(t *testing.T, fsys fs.FS, dir, kind string) *artifact.Plan {
	t.Helper()
	text, err := artifact.Starter(fsys, dir, kind)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := fs.Sub(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	return composeDeclared(t, sub, string(text))
}

func composeSpec(t *testing.T, fsys fs.FS, spec *artifact.Spec) *artifact.Plan {
	t.Helper()
	plan, err := artifact.Compose(fsys, spec)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// listPacked lists the files in the layers of a plan. It walks directories as pack does.
func listPacked(t *testing.T, fsys fs.FS, plan *artifact.Plan) []string {
	t.Helper()
	var names []string
	for _, l := range plan.Layers {
		switch {
		case len(l.Files) > 0:
			names = append(names, l.Files...)
		case !l.Dir:
			names = append(names, l.Path)
		default:
			err := fs.WalkDir(fsys, l.Path, func(name string, d fs.DirEntry, err error) error {
				rel := name
				if l.Path != "." {
					rel = strings.TrimPrefix(name, l.Path+"/")
				}
				switch {
				case err != nil:
					return err
				case name != l.Path && l.Exclude != nil && l.Exclude(rel, d.IsDir()):
					if d.IsDir() {
						return fs.SkipDir
					}
				case !d.IsDir():
					names = append(names, name)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.Sort(names)
	return names
}

// hiddenFiles holds hidden files as in a clone of a model repository.
var hiddenFiles = map[string]string{
	".git/config":               "url = https://user:token@host/model\n",
	".git/lfs/objects/ab/abcd":  "x",
	".env":                      "TOKEN=1\n",
	".cache/huggingface/a.lock": "x",
	".gitattributes":            "*.gguf filter=lfs\n",
	".DS_Store":                 "x",
	"onnx/.ipynb_checkpoints/x": "x",
	"onnx/.hidden.json":         "{}",
}

// TestHiddenFilesOfModels checks that a model is packed without hidden files, however it is declared. The native clients leave
// them out, too: see FromDirectory in docker/model-runner and skipPatterns in modctl.
func TestHiddenFilesOfModels(t *testing.T) {
	t.Parallel()
	visible := map[string]string{
		"model.safetensors":   readExample(t, "modelpack/model/model.safetensors"),
		"config.json":         "{}",
		"README.md":           "# a model\n",
		"onnx/tokenizer.json": "{}",
	}
	want := slices.Sorted(maps.Keys(visible))
	wantLeft := []string{".DS_Store", ".cache/", ".env", ".git/", ".gitattributes", "onnx/.hidden.json", "onnx/.ipynb_checkpoints/"}
	root, nested := newFS(".", visible, hiddenFiles), newFS("hf", visible, hiddenFiles)
	for _, tc := range []struct {
		name  string
		route func(t *testing.T) (fs.FS, *artifact.Plan)
	}{
		{"detected kind", func(t *testing.T) (fs.FS, *artifact.Plan) { return root, composeDetected(t, root, "", ".") }},
		{"kind model", func(t *testing.T) (fs.FS, *artifact.Plan) { return root, composeDetected(t, root, "model", ".") }},
		{"kind modelpack", func(t *testing.T) (fs.FS, *artifact.Plan) { return root, composeDetected(t, root, "modelpack", ".") }},
		{"kind modelkit", func(t *testing.T) (fs.FS, *artifact.Plan) { return root, composeDetected(t, root, "modelkit", ".") }},
		{"detected kind, subdirectory", func(t *testing.T) (fs.FS, *artifact.Plan) { return nested, composeDetected(t, nested, "", "hf") }},
		{"kind modelkit, subdirectory", func(t *testing.T) (fs.FS, *artifact.Plan) {
			return nested, composeDetected(t, nested, "modelkit", "hf")
		}},
		{"layers . of a model", func(t *testing.T) (fs.FS, *artifact.Plan) {
			return root, composeDeclared(t, root, "kind: model\nlayers: [.]\n")
		}},
		{"layers . of a modelpack", func(t *testing.T) (fs.FS, *artifact.Plan) {
			return root, composeDeclared(t, root, "kind: modelpack\nlayers: [.]\n")
		}},
		{"layers . of a modelkit", func(t *testing.T) (fs.FS, *artifact.Plan) {
			return root, composeDeclared(t, root, "kind: modelkit\nlayers: [.]\n")
		}},
		{"a tar of a subdirectory", func(t *testing.T) (fs.FS, *artifact.Plan) {
			return nested, composeDeclared(t, nested, "kind: modelpack\nlayers: [{path: hf, packing: tar, as: weights}]\n")
		}},
		{"a glob", func(t *testing.T) (fs.FS, *artifact.Plan) {
			return root, composeDeclared(t, root, "kind: model\nlayers: ['**']\n")
		}},
		{"a glob in a subdirectory", func(t *testing.T) (fs.FS, *artifact.Plan) {
			return nested, composeDeclared(t, nested, "kind: modelkit\nlayers: ['hf/**']\n")
		}},
		{"an exclude that matches no file", func(t *testing.T) (fs.FS, *artifact.Plan) {
			return root, composeDeclared(t, root, "kind: model\nlayers: [{path: ., exclude: ['*.nothing']}]\n")
		}},
		{"init of a model", func(t *testing.T) (fs.FS, *artifact.Plan) { return root, composeStarter(t, root, ".", "model") }},
		{"init of a modelkit", func(t *testing.T) (fs.FS, *artifact.Plan) { return root, composeStarter(t, root, ".", "modelkit") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fsys, plan := tc.route(t)
			got := listPacked(t, fsys, plan)
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], "hf/")
			}
			if !slices.Equal(got, want) {
				t.Errorf("packed: got %q, want %q", got, want)
			}
			for _, name := range plan.LeftOut {
				if !slices.Contains(wantLeft, strings.TrimPrefix(name, "hf/")) {
					t.Errorf("left out: got %s, want only files of %q", name, wantLeft)
				}
			}
			if strings.HasPrefix(tc.name, "layers") && !slices.Equal(slices.Sorted(slices.Values(plan.LeftOut)), wantLeft) {
				t.Errorf("left out: got %q, want %q", plan.LeftOut, wantLeft)
			}
			if len(plan.Warnings) > 0 {
				t.Errorf("got warnings %q, want none", plan.Warnings)
			}
		})
	}
}

// TestNamedHiddenFilesArePacked checks that hidden files are packed if the declaration names them.
func TestNamedHiddenFilesArePacked(t *testing.T) {
	t.Parallel()
	fsys := newFS(".", map[string]string{"m.gguf": readExample(t, "model/tiny-llama.gguf"), ".gitattributes": "x", ".cfg/a.json": "{}", ".env": "A=1"})
	for layers, want := range map[string]string{
		"., .gitattributes":                       ".gitattributes m.gguf",
		".cfg/, m.gguf":                           ".cfg/a.json m.gguf",
		"{path: ., exclude: ['!.gitattributes']}": ".gitattributes m.gguf",
		"m.gguf, '.cfg/*.json'":                   ".cfg/a.json m.gguf",
	} {
		plan := composeDeclared(t, fsys, "kind: model\nlayers: ["+layers+"]\n")
		if got := strings.Join(listPacked(t, fsys, plan), " "); got != want {
			t.Errorf("%s: packed: got %s, want %s", layers, got, want)
		}
		if slices.Contains(plan.LeftOut, ".gitattributes") && strings.Contains(layers, ".gitattributes") {
			t.Errorf("%s: left out: got %q, want them without .gitattributes", layers, plan.LeftOut)
		}
	}
}

// TestGenericPacksHiddenFiles checks that kind generic packs hidden files, and warns about .git.
func TestGenericPacksHiddenFiles(t *testing.T) {
	t.Parallel()
	fsys := newFS("d", map[string]string{"a.txt": "x", ".env": "A=1", ".git/HEAD": "x"})
	plan := composeDeclared(t, fsys, "kind: generic\nlayers: [d]\n")
	if got, want := strings.Join(listPacked(t, fsys, plan), " "), "d/.env d/.git/HEAD d/a.txt"; got != want || len(plan.LeftOut) > 0 || len(plan.Warnings) != 1 {
		t.Errorf("packed: got %s, want %s; left out: got %q, want none; got warnings %q, want one", got, want, plan.LeftOut, plan.Warnings)
	}
}

// TestKitignore checks that .kitignore leaves out files of a ModelKit, with or without a Kitfile, and that neither the Kitfile nor
// .kitignore is packed.
func TestKitignore(t *testing.T) {
	t.Parallel()
	content := map[string]string{
		"model-00001-of-00002.safetensors": "x", "model-00002-of-00002.safetensors": "x", "README.md": "x", "src/run.py": "x",
		"src/secret.py": "x", "gguf/m.gguf": "x", "onnx/model.onnx_data": "x", "onnx/model.onnx": "x", "logs/a.log": "x", "logs/keep.log": "x",
	}
	const kitfile = "manifestVersion: 1.0.0\nmodel: {path: model-00001-of-00002.safetensors, parts: [{path: model-00002-of-00002.safetensors}]}\n" +
		"docs: [{path: README.md}]\ncode: [{path: .}]\n"
	both := map[string]string{"Kitfile": kitfile, ".kitignore": "# not ours\ngguf\n*/*.onnx_data\nsrc/secret.py\nlogs/*\n!logs/keep.log\n"}
	const want = "README.md logs/keep.log model-00001-of-00002.safetensors model-00002-of-00002.safetensors onnx/model.onnx src/run.py"
	root, nested := newFS(".", content, hiddenFiles, both), newFS("kit", content, hiddenFiles, both)
	plain := newFS(".", content, hiddenFiles, map[string]string{".kitignore": both[".kitignore"]})
	for name, tc := range map[string]struct {
		fsys fs.FS
		plan *artifact.Plan
	}{
		"Kitfile":                     {root, composeDeclared(t, root, "kind: modelkit\nlayers: [Kitfile]\n")},
		"Kitfile in a subdirectory":   {nested, composeDeclared(t, nested, "kind: modelkit\nlayers: [kit/Kitfile]\n")},
		"directory with a Kitfile":    {root, composeDetected(t, root, "", ".")},
		"no Kitfile, kind modelkit":   {plain, composeDetected(t, plain, "modelkit", ".")},
		"no Kitfile, all files given": {plain, composeDetected(t, plain, "modelkit", slices.Sorted(maps.Keys(content))...)},
		"no Kitfile, a glob":          {plain, composeDeclared(t, plain, "kind: modelkit\nlayers: ['**']\n")},
		"no Kitfile, layers .":        {plain, composeDeclared(t, plain, "kind: modelkit\nlayers: [.]\n")},
		"init":                        {plain, composeStarter(t, plain, ".", "modelkit")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.ReplaceAll(strings.Join(listPacked(t, tc.fsys, tc.plan), " "), "kit/", "")
			if got != want {
				t.Errorf("packed: got %s, want %s", got, want)
			}
			if name != "init" && !slices.ContainsFunc(tc.plan.LeftOut, func(l string) bool { return strings.HasSuffix(l, "secret.py") }) {
				t.Errorf("left out: got %q, want secret.py among them", tc.plan.LeftOut)
			}
		})
	}
}

// TestKitignoreOfKitfileEntries checks that a Kitfile entry is refused if .kitignore leaves out all of its files.
func TestKitignoreOfKitfileEntries(t *testing.T) {
	t.Parallel()
	for kitignore, want := range map[string]string{
		"w.gguf\n":    `names "w.gguf", which .kitignore leaves out`,
		"*\n!src\n":   `names "w.gguf", which .kitignore leaves out`,
		"src\n":       `names "src", which .kitignore leaves out`,
		"src/a.py\n":  "",
		"*.md\n":      "",
		"[a-\n":       "syntax error in pattern",
		"docs\n!src/": "",
	} {
		fsys := newFS(".", map[string]string{"w.gguf": "x", "src/a.py": "x", "src/b.py": "x", ".kitignore": kitignore,
			"Kitfile": "manifestVersion: 1.0.0\nmodel: {path: w.gguf}\ncode: [{path: src}]\n"})
		_, err := artifact.Compose(fsys, &artifact.Spec{Kind: "modelkit", Layers: []artifact.LayerSpec{{Path: "Kitfile"}}})
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !errors.Is(err, artifact.ErrInvalid)) {
			t.Errorf("%q: got %v, want %q", kitignore, err, want)
		}
	}
}

// TestModelfileChoosesFiles checks that only the files that a Modelfile names are packed, in the roles that the Modelfile assigns.
func TestModelfileChoosesFiles(t *testing.T) {
	t.Parallel()
	content := map[string]string{
		"model.safetensors": readExample(t, "modelpack/model/model.safetensors"), "onnx/model.onnx_data": "x", "my model.bin": "x", "README.md": "x",
		"notes.md": "x", "wandb/debug.log": "x", "wandb/.secret.log": "x", "__pycache__/a.pyc": "x",
	}
	for _, tc := range []struct{ name, modelfile, want, left string }{
		{"three names", "NAME t\nMODEL model.safetensors\nMODEL onnx/model.onnx_data\nDOC README.md\n", "doc README.md, weights model.safetensors, weights onnx/model.onnx_data",
			"my model.bin, notes.md, wandb/debug.log"},
		{"a name in quotes", "MODEL \"my model.bin\"\n", "weights my model.bin", "README.md, model.safetensors, notes.md, onnx/model.onnx_data, wandb/debug.log"},
		{"a pattern", "MODEL model.safetensors\nDOC *\n", "doc Modelfile, doc README.md, doc my model.bin, doc notes.md, doc onnx/model.onnx_data, doc wandb/debug.log, weights model.safetensors", ""},
		{"a pattern for hidden files", "MODEL model.safetensors\nDOC wandb/.*\n", "doc wandb/.secret.log, weights model.safetensors",
			"README.md, my model.bin, notes.md, onnx/model.onnx_data, wandb/debug.log"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fsys := newFS(".", content, hiddenFiles, map[string]string{"Modelfile": tc.modelfile})
			for how, plan := range map[string]*artifact.Plan{
				"detected": composeDetected(t, fsys, "modelpack", "."),
				"named":    composeDetected(t, fsys, "modelpack", append(slices.Sorted(maps.Keys(content)), "Modelfile")...),
				"glob":     composeDeclared(t, fsys, "kind: modelpack\nlayers: ['**']\n"),
			} {
				var got []string
				for _, l := range plan.Layers {
					got = append(got, l.Role+" "+l.Path)
				}
				slices.Sort(got)
				if strings.Join(got, ", ") != tc.want {
					t.Errorf("%s: packed: got %q, want %s", how, got, tc.want)
				}
				for name := range strings.SplitSeq(tc.left, ", ") {
					if name != "" && !slices.Contains(plan.LeftOut, name) {
						t.Errorf("%s: left out: got %q, want %s among them", how, plan.LeftOut, name)
					}
				}
			}
		})
	}
}

// TestAllFilesLeftOut checks the errors about layers whose files are all left out.
func TestAllFilesLeftOut(t *testing.T) {
	t.Parallel()
	for declaration, want := range map[string]string{
		"kind: model\nlayers: [d]\n":              `"d" has no files in it besides those that are left out: d/.git/`,
		"kind: modelpack\nlayers: ['d/**']\n":     `"d/**" matches only files that are excluded or that other entries name`,
		"kind: modelkit\nlayers: [Kitfile.txt]\n": "nothing to pack: every file is left out: Kitfile.txt",
	} {
		spec, err := artifact.Parse("davit.yaml", []byte(declaration))
		if err != nil {
			t.Fatal(err)
		}
		_, err = artifact.Compose(newFS(".", map[string]string{"d/.git/HEAD": "x", "Kitfile.txt": "x", ".kitignore": "*.txt\n"}), spec)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", declaration, err, want)
		}
	}
}

// TestComposeEnvFiles checks that an env file is packed only if a service names it, whatever else is in the directory. docker
// compose publishes env files only on request, and never the .env file that it interpolates from.
func TestComposeEnvFiles(t *testing.T) {
	t.Parallel()
	const secret = "STRIPE_KEY=sk_live_1\n"
	unrelated := []map[string]string{nil, {"README.md": "# x\n"}, {".gitignore": "x\n"}, {"README.md": "# x\n", "docs/a.txt": "x", ".github/x.yml": "a: b\n"}}
	for _, tc := range []struct {
		name    string
		content map[string]string
		want    string
	}{
		{"env files that no service names", map[string]string{"compose.yaml": "services: {a: {image: 'nginx:${TAG}'}}\n", ".env": secret, ".env.production": secret, "prod.env": secret}, "compose.yaml"},
		{"a service names .env", map[string]string{"compose.yaml": "services: {a: {image: x, env_file: .env}}\n", ".env": secret, ".env.local": secret}, ".env compose.yaml"},
		{"env file in a subdirectory", map[string]string{"compose.yaml": "services: {a: {image: x, env_file: ./web/web.env}}\n", "web/web.env": "A=1\n", "web/.env": secret, ".env": secret}, "compose.yaml web/web.env"},
		{"files without the extension .env", map[string]string{"compose.yaml": "services: {a: {image: x, env_file: [{path: config/vars}], label_file: l.labels}}\n", "config/vars": "A=1\n", "l.labels": "a=b\n"}, "compose.yaml config/vars l.labels"},
		{"missing optional env file", map[string]string{"compose.yaml": "services: {a: {image: x, env_file: [{path: no.env, required: false}]}}\n", ".env": secret}, "compose.yaml"},
		{"env file of an override", map[string]string{"compose.yaml": "services: {a: {image: x}}\n", "compose.override.yaml": "services: {a: {env_file: o.env}}\n", "o.env": "A=1\n"}, "compose.override.yaml compose.yaml o.env"},
		{"env file of an extended file", map[string]string{"compose.yaml": "services: {a: {extends: {file: base.yaml, service: b}}}\n", "base.yaml": "services: {b: {image: x, env_file: b.env}}\n", "b.env": "A=1\n", ".env": secret}, "b.env base.yaml compose.yaml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, more := range unrelated {
				fsys := newFS(".", tc.content, more)
				for how, plan := range map[string]*artifact.Plan{
					"detected": composeDetected(t, fsys, "", "."), "named": composeDetected(t, fsys, "compose", "."), "init": composeStarter(t, fsys, ".", ""),
				} {
					if got := strings.Join(listPacked(t, fsys, plan), " "); got != tc.want {
						t.Errorf("%s with %v: packed: got %s, want %s", how, more, got, tc.want)
					}
					said := strings.Join(slices.DeleteFunc(plan.Notes, func(n string) bool { return !strings.Contains(n, "is left out") }), "\n")
					if _, env := tc.content[".env"]; env && how != "init" && !strings.Contains(tc.want, ".env ") && !strings.Contains(said, "compose: .env is left out: no service names it as env_file") {
						t.Errorf("%s with %v: got notes %q, want one about .env", how, more, plan.Notes)
					}
				}
			}
		})
	}
}

// TestListedEnvFilesThatNoServiceNames checks that listing an env file is not enough to publish it.
func TestListedEnvFilesThatNoServiceNames(t *testing.T) {
	t.Parallel()
	fsys := newFS(".", map[string]string{"compose.yaml": "services: {a: {image: x, env_file: a.env}}\n", "a.env": "A=1\n", ".env": "B=2\n", "b.env": "C=3\n"})
	for _, layers := range []string{"compose.yaml, a.env, .env, b.env", "compose.yaml, '*.env'", "'*'", "compose.yaml, {path: b.env, as: env}, a.env"} {
		plan := composeDeclared(t, fsys, "kind: compose\nlayers: ["+layers+"]\n")
		if got, want := strings.Join(listPacked(t, fsys, plan), " "), "a.env compose.yaml"; got != want {
			t.Errorf("%s: packed: got %s, want %s", layers, got, want)
		}
	}
}

// TestStarterListsRoles checks that init lists the files that a push packs, with their roles, and the files that it leaves out.
func TestStarterListsRoles(t *testing.T) {
	t.Parallel()
	tiny := string(formattest.TinyLlama().Bytes())
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"quantizations": {
			map[string]string{"m-Q4_K_M.gguf": tiny, "m-Q8_0.gguf": tiny, "old/m-Q2_K.gguf": tiny},
			[]string{"  - m-Q4_K_M.gguf # weights", "  # - m-Q8_0.gguf # left out", "  # - old # left out"},
		},
		"a Modelfile": {
			map[string]string{"Modelfile": "NAME t\nMODEL m.gguf\n", "m.gguf": tiny, "notes.md": "x"},
			[]string{"  - Modelfile # modelfile", "  - m.gguf # weights", "  # - notes.md # left out"},
		},
		"templates": {
			map[string]string{"m.gguf": tiny, "a.jinja": "x", "chat_template.jinja": "x"},
			[]string{"  - a.jinja # file", "  - chat_template.jinja # template", "  - m.gguf # weights"},
		},
	} {
		text, err := artifact.Starter(newFS(".", tt.files), ".", "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, layers, _ := strings.Cut(string(text), "layers: #")
		var got []string
		for line := range strings.Lines(layers) {
			if strings.HasPrefix(line, "  ") {
				got = append(got, strings.TrimRight(line, "\n"))
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// TestExcludedFilesAreListed checks that Plan.LeftOut lists the files that match exclude or .davitignore, except davit's own files
// and files that another layer packs.
func TestExcludedFilesAreListed(t *testing.T) {
	t.Parallel()
	content := map[string]string{
		"conf/a.yaml": "a: 1\n", "conf/x.tmp": "x", "conf/sub/y.tmp": "y", "conf/old/b.yaml": "b: 1\n", "conf/keep.bak": "k",
		".davitignore": "conf/old\n", "conf/.davitignore": "*.bak\n", "davit.yaml": "kind: generic\n",
	}
	for _, tc := range []struct{ kind, layers, left string }{
		{"generic", `[{path: conf/, exclude: ["**/*.tmp"]}]`, "conf/keep.bak conf/old/ conf/sub/y.tmp conf/x.tmp"},
		{"generic", `[{path: "conf/**", exclude: ["**/*.tmp"]}]`, "conf/keep.bak conf/old/b.yaml conf/sub/y.tmp conf/x.tmp"},
		{"generic", `[{path: conf/, exclude: ["**/*.tmp"]}, conf/x.tmp]`, "conf/keep.bak conf/old/ conf/sub/y.tmp"},
		{"volume", `[{path: conf/, exclude: [sub]}]`, "conf/keep.bak conf/old/ conf/sub/"},
	} {
		spec, err := artifact.Parse("davit.yaml", []byte("kind: "+tc.kind+"\nlayers: "+tc.layers+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := artifact.Compose(newFS(".", content), spec)
		if err != nil {
			t.Errorf("%s: %v", tc.layers, err)
			continue
		}
		if got := strings.Join(slices.Sorted(slices.Values(plan.LeftOut)), " "); got != tc.left {
			t.Errorf("%s: left out: got %q, want %q", tc.layers, got, tc.left)
		}
	}
}
