package listing_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// tree returns the files of a model, and the declaration under name. There are more files than the declarations in these tests list.
func tree(name, declaration string) map[string]string {
	return map[string]string{
		"m.gguf": string(formattest.TinyLlama().Bytes()), "notes.md": "x", "docs/a.md": "x", "docs/b.md": "x", "docs/.draft": "x",
		"src/run.py": "x", "LICENSE": "MIT", ".env": "x", name: declaration,
	}
}

// TestDeclarationsOfClients checks that a Modelfile or a Kitfile decides which files are packed as any kind of model.
func TestDeclarationsOfClients(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, declaration, want, kit string }{
		"Modelfile":                          {"Modelfile", "NAME t\nMODEL m.gguf\nDOC docs/*\n", "docs/a.md docs/b.md m.gguf", ""},
		"Modelfile with Windows line ends":   {"Modelfile", "NAME t\r\nMODEL m.gguf\r\nDOC \"./LICENSE\"\r\n", "LICENSE m.gguf", ""},
		"Modelfile that lists hidden files":  {"Modelfile", "MODEL m.gguf\nDOC docs/.draft\n", "docs/.draft m.gguf", ""},
		"Kitfile":                            {"Kitfile", "manifestVersion: 1.0.0\nmodel: {path: ./m.gguf}\ncode: [{path: src/}]\n", "m.gguf src/run.py", "m.gguf src"},
		"Kitfile with a directory of models": {"Kitfile.yaml", "manifestVersion: 1.0.0\nmodel: {path: m.gguf, parts: [{path: docs}]}\n", "docs/a.md docs/b.md m.gguf", "docs m.gguf"},
		"hidden Kitfile":                     {".kitfile", "manifestVersion: 1.0.0\nmodel: {path: m.gguf}\n", "m.gguf", ""},
	} {
		for _, kind := range []string{"model", "modelpack", "modelkit"} {
			layers := "[./]"
			if kind == "modelkit" {
				layers = "[m.gguf, notes.md, docs/, src/, LICENSE, " + tt.file + "]"
			}
			plan, err := kindtest.Compose(t, tree(tt.file, tt.declaration), "kind: "+kind+"\nlayers: "+layers+"\n")
			if err != nil {
				t.Errorf("%s as %s: %v", name, kind, err)
				continue
			}
			var packed []string
			for _, l := range plan.Layers {
				packed = append(packed, l.Title)
			}
			slices.Sort(packed)
			want := tt.want
			if kind == "modelkit" && tt.kit != "" {
				want = tt.kit
			}
			if got := strings.Join(packed, " "); got != want {
				t.Errorf("%s as %s: packed: got %s, want %s", name, kind, got, want)
			}
			if notes := strings.Join(plan.Notes, "\n"); !strings.Contains(notes, tt.file+" lists the files to pack") {
				t.Errorf("%s as %s: notes: got %s, want one about %s", name, kind, notes, tt.file)
			}
		}
	}
}

// TestBrokenDeclarations checks that every kind of model refuses a Modelfile or Kitfile that modctl or kit would reject.
func TestBrokenDeclarations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ file, declaration, want string }{
		{"Modelfile", "NAME t\nMODEL\n", `Modelfile:2: MODEL has no argument`},
		{"Modelfile", "NAME t\n", `Modelfile: names no files with MODEL`},
		{"Modelfile", "MODEL docs\n", `Modelfile:1: MODEL names "docs", which is a directory (modctl packs files: docs/*)`},
		{"Modelfile", "NAME t\n\nMODEL other.gguf\n", `Modelfile:3: MODEL names "other.gguf", which does not exist`},
		{"Modelfile", "MODEL m.gguf\nDOC LICENCE\n", `Modelfile:2: DOC names "LICENCE", which does not exist (did you mean "LICENSE"?)`},
		{"Modelfile", "MODEL m.gguf\nDOC *.pdf\n", `Modelfile:2: DOC names "*.pdf", which matches no files`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodel: {path: m.guff}\n", `Kitfile:2:15: names "m.guff", which does not exist (did you mean "m.gguf"?)`},
		{"Modelfile", "MODEL m.gguf\nDOC /etc/passwd\n", `Modelfile:2: DOC names "/etc/passwd", which is not below the directory that is packed (move or copy the file there`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodel: [\n", `Kitfile:3:1: not YAML:`},
		{"Kitfile", "model: {path: m.gguf}\n", `Kitfile: has no manifestVersion, which kit requires`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodels: {path: m.gguf}\n", `Kitfile:2:1: unknown key "models", which kit rejects (did you mean "model"?)`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodel: {path: other.gguf}\n", `Kitfile:2:15: names "other.gguf", which does not exist`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodel:\n  path: m.gguf\ncode:\n  - path: /etc/passwd\n", `Kitfile:5:11: names "/etc/passwd", which is not below the directory that is packed (move or copy`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodel:\n  path: m.gguf\n  path: m.gguf\n", `Kitfile:4:3: key "path" is given twice`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodel: m.gguf\n", `Kitfile:2:8: model must be a mapping`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodel: {path: m.gguf}\ndocs: LICENSE\n", `Kitfile:3:7: docs must be a list`},
		{"Kitfile", "manifestVersion: 1.0.0\nmodel: {path: 3}\n", `Kitfile:2:15: path must be a string`},
	} {
		for _, kind := range []string{"model", "modelpack", "modelkit"} {
			_, err := kindtest.Compose(t, tree(tt.file, tt.declaration), "kind: "+kind+"\nlayers: [m.gguf, docs/, "+tt.file+"]\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q as %s: got %v, want %s", tt.declaration, kind, err, tt.want)
			}
		}
	}
}

// TestFilesThatAreNotDeclarations checks that an Ollama Modelfile, or a Modelfile in a subdirectory, is packed like any other file.
func TestFilesThatAreNotDeclarations(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"Ollama Modelfile":            tree("Modelfile", "FROM ./m.gguf\nTEMPLATE \"\"\"\nMODEL x\n\"\"\"\n"),
		"Modelfile in a subdirectory": tree("docs/Modelfile", "NAME t\nMODEL a.md\n"),
	} {
		for _, kind := range []string{"model", "modelpack"} {
			plan, err := kindtest.Compose(t, files, "kind: "+kind+"\nlayers: [./]\n")
			if err != nil || len(plan.Layers) != 7 {
				t.Errorf("%s as %s: got %v, %v, want 7 layers", name, kind, plan, err)
			}
		}
	}
}

// TestIgnoredByKit checks that every kind of model leaves out files that .kitignore lists.
func TestIgnoredByKit(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"model", "modelpack", "modelkit"} {
		layers := "[./]"
		if kind == "modelkit" {
			layers = "[m.gguf, notes.md, docs/, src/, LICENSE]"
		}
		plan, err := kindtest.Compose(t, tree(".kitignore", "notes.md\nsrc\ndocs/b.md\n"), "kind: "+kind+"\nlayers: "+layers+"\n")
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		for _, out := range []string{"notes.md", "src/", "docs/b.md"} {
			if !slices.Contains(plan.LeftOut, out) {
				t.Errorf("%s: left out: got %v, want %s among them", kind, plan.LeftOut, out)
			}
		}
	}
}

// TestEveryMissingFileIsReported checks that all faults of the files that a declaration lists are reported, with their lines.
func TestEveryMissingFileIsReported(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind, file, text string
		want             []string
	}{
		"Kitfile": {"modelkit", "Kitfile", "manifestVersion: 1.0.0\nmodel: {path: a.gguf}\ncode:\n  - path: b\n  - path: ../c\n  - path: x.txt\n  - path: x.txt\ndocs: [{path: d}]\n", []string{
			`Kitfile:2:15: names "a.gguf", which does not exist`, `Kitfile:4:11: names "b", which does not exist`,
			`Kitfile:5:11: names "../c", which is not below`, `Kitfile:7:11: names "x.txt" twice`, `Kitfile:8:15: names "d", which does not exist`}},
		"Kitfile of another kind": {"model", "Kitfile", "manifestVersion: 1.0.0\nmodel: {path: m.gguf}\ncode:\n  - path: b\ndocs: [{path: d}]\n", []string{
			`Kitfile:4:11: names "b", which does not exist`, `Kitfile:5:15: names "d", which does not exist`}},
		"Modelfile of modctl": {"modelpack", "Modelfile", "NAME x\nMODEL a.gguf\nCONFIG c*\nMODEL m.gguf\nDOC ../d\n", []string{
			`Modelfile:2: MODEL names "a.gguf", which does not exist`, `Modelfile:3: CONFIG names "c*", which matches no files`, `Modelfile:5: DOC names "../d", which is not below`}},
		"Modelfile of Ollama": {"ollama", "Modelfile", "FROM ./a.gguf\nPARAMETER temperature hot\nADAPTER /b.gguf\nADAPTER ./dir\n", []string{
			`Modelfile:1: FROM names "./a.gguf", which does not exist`, `Modelfile:2: `, `Modelfile:3: ADAPTER names "/b.gguf", which is not below`, `Modelfile:4: ADAPTER names a directory`}},
	} {
		_, err := kindtest.Compose(t, map[string]string{tt.file: tt.text, "m.gguf": string(formattest.TinyLlama().Bytes()), "x.txt": "x", "dir/y": "y"}, "kind: "+tt.kind+"\nlayers: ["+tt.file+", m.gguf]\n")
		var problems spec.Problems
		if !errors.As(err, &problems) || !slices.EqualFunc(strings.Split(err.Error(), "\n"), tt.want, strings.HasPrefix) {
			t.Errorf("%s: got\n%v\nwant\n%s", name, err, strings.Join(tt.want, "\n"))
		}
	}
}
