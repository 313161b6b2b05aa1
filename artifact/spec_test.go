package artifact_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
)

func TestParse(t *testing.T) {
	t.Parallel()
	keep := true
	for _, tc := range []struct {
		name, text string
		want       spec.Spec
	}{
		{"all keys of one artifact", `
kind: model
name: smollm2-135m
version: 1.0.0
tags: [latest, "1.0"]
annotations: {org.opencontainers.image.licenses: Apache-2.0}
config: {quantization: Q4_K_M, n: 3, deep: {list: [1.50, true, null, 2024-01-02]}}
layers:
  - smollm2.gguf
  - path: data/
    as: license
    packing: tar+zstd
    title: data
    mediaType: application/x
    annotations: {a: b}
    exclude: ["**/*.tmp"]
    preserve: true
    split: true
referrers:
  - {kind: sbom, layers: [sbom.spdx.json]}
subject: registry/repo:tag
base: ./busybox
`, spec.Spec{
			Kind: "model", Name: "smollm2-135m", Version: "1.0.0", Tags: []string{"latest", "1.0"},
			Annotations: map[string]string{"org.opencontainers.image.licenses": "Apache-2.0"},
			Config: map[string]any{"quantization": "Q4_K_M", "n": json.Number("3"),
				"deep": map[string]any{"list": []any{json.Number("1.50"), true, nil, "2024-01-02"}}},
			Layers: []spec.LayerSpec{{Path: "smollm2.gguf"}, {Path: "data/", As: "license", Packing: mediatypes.TarZstd, Title: "data",
				MediaType: "application/x", Annotations: map[string]string{"a": "b"}, Exclude: []string{"**/*.tmp"}, Preserve: &keep, Split: &keep}},
			Referrers: []*spec.Spec{{Kind: "sbom", Layers: []spec.LayerSpec{{Path: "sbom.spdx.json"}}}},
			Related:   spec.Related{Subject: "registry/repo:tag", Base: "./busybox"},
		}},
		{"platforms", "kind: generic\nplatforms:\n  - {platform: linux/arm64/v8, layers: [a]}\n  - {platform: 'windows/amd64:10.0', layers: [b]}\n", spec.Spec{
			Kind: "generic", Platforms: []*spec.Spec{{Platform: "linux/arm64/v8", Layers: []spec.LayerSpec{{Path: "a"}}}, {Platform: "windows/amd64:10.0", Layers: []spec.LayerSpec{{Path: "b"}}}},
		}},
		{"an alias", "kind: generic\nlayers: [{path: a, annotations: &a {x: y}}, {path: b, annotations: *a}]\n", spec.Spec{
			Kind: "generic", Layers: []spec.LayerSpec{{Path: "a", Annotations: map[string]string{"x": "y"}}, {Path: "b", Annotations: map[string]string{"x": "y"}}},
		}},
		{"JSON", `{"kind": "generic", "layers": ["a"]}`, spec.Spec{Kind: "generic", Layers: []spec.LayerSpec{{Path: "a"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := artifact.Parse("davit.yaml", []byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			removePositions(got)
			if !reflect.DeepEqual(*got, tc.want) {
				t.Errorf("got %+v, want %+v", *got, tc.want)
			}
		})
	}
}

// removePositions removes the positions from a Spec, so that the rest can be compared.
func removePositions(s *spec.Spec) {
	s.SetSource(nil, "")
	for _, inner := range append(s.Platforms, s.Referrers...) {
		removePositions(inner)
	}
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	bomb := "kind: &a [x, x, x, x, x, x, x, x, x]\n"
	for i := range 8 {
		bomb += fmt.Sprintf("k%d: &%c [%s]\n", i, 'b'+i, strings.Repeat(fmt.Sprintf("*%c, ", 'a'+i), 9))
	}
	for _, tc := range []struct{ name, text, want string }{
		{"empty file", "", "davit.yaml:1:1: is empty"},
		{"only a comment", "# x\n", "davit.yaml:1:1: is empty"},
		{"not a mapping", "- a\n- b\n", `davit.yaml:1:1: must be a mapping, not a list
			davit.yaml:1:1: the kind is missing (one of ` + strings.Join(kinds.Table().Catalog().Writable(), ", ") + `)
			davit.yaml:1:1: layers are missing (list the files to pack)`},
		{"not YAML", "kind: generic\nlayers: [a\n", "davit.yaml:2:1: not YAML: did not find expected ',' or ']'"},
		{"two documents", "kind: generic\nlayers: [a]\n---\nkind: generic\n", "davit.yaml:3:1: a second document begins here; a file holds one"},
		{"key given twice", "kind: generic\nlayers: [a]\nkind: model\n", `davit.yaml:3:1: key "kind" is given twice (first on line 1)`},
		{"merge key", "kind: generic\nlayers: [a]\nannotations:\n  <<: {a: b}\n", "davit.yaml:4:3: merge keys (<<) are not supported (write the keys out)"},
		{"key that is not a string", "kind: generic\nlayers: [a]\nannotations: {1: b}\n", "davit.yaml:3:15: a key must be a string (put it in quotes)"},
		{"values with YAML tags", "kind: generic\nlayers: [a]\nconfig: {a: !!binary YQ==, b: .inf}\n", `davit.yaml:3:13: binary "YQ==" can't be read (put it in quotes if it is a string)
			davit.yaml:3:31: float ".inf" can't be read (put it in quotes if it is a string)`},
		{"no kind, no layers", "name: x\n", `davit.yaml:1:1: the kind is missing (one of ` + strings.Join(kinds.Table().Catalog().Writable(), ", ") + `)
			davit.yaml:1:1: layers are missing (list the files to pack)`},
		{"unknown kind", "kind: modle\nlayers: [a]\n", `davit.yaml:1:7: unknown kind "modle" (did you mean "model"?)`},
		{"empty values", "kind: ''\nname:\nlayers: []\n", `davit.yaml:1:7: "kind": must not be empty
			davit.yaml:2:6: "name": must be a string, not nothing
			davit.yaml:3:9: "layers": must not be empty`},
		{"layers and platforms", "kind: generic\nlayers: [a]\nplatforms:\n  - {platform: linux/amd64, layers: [b]}\n",
			"davit.yaml:3:1: layers and platforms exclude each other (give each platform its layers)"},
		{"bad platforms", "kind: generic\nplatforms:\n  - {platform: linux, layers: [b]}\n  - {layers: [b]}\n  - {platform: linux/amd64}\n  - {platform: linux/amd64, layers: [b], name: x}\n",
			`davit.yaml:3:16: "linux" is not a platform (OS/ARCH[/VARIANT], as in linux/amd64)
			davit.yaml:4:5: the platform is missing (OS/ARCH[/VARIANT], as in linux/amd64)
			davit.yaml:5:5: layers are missing (list the files of this platform)
			davit.yaml:6:16: platform "linux/amd64" is given twice
			davit.yaml:6:42: unknown key "name" (one of annotations, config, layers, platform)`},
		{"base of one platform", "kind: image\nbase: ./x\nplatforms:\n  - {platform: linux/amd64, layers: [b], base: ./y}\n",
			`davit.yaml:4:42: unknown key "base" (one of annotations, config, layers, platform)`},
		{"bad referrer", "kind: generic\nlayers: [a]\nreferrers:\n  - {kind: sbon, layers: [b], subject: ./x}\n  - {kind: sbom}\n  - 3\n",
			`davit.yaml:4:12: unknown kind "sbon" (did you mean "sbom"?)
			davit.yaml:4:31: unknown key "subject" (one of annotations, artifactType, config, kind, layers, name, referrers, version)
			davit.yaml:5:5: layers are missing (list the files to attach)
			davit.yaml:6:5: "referrers": must be a mapping, not a number (as in {kind: sbom, layers: [sbom.spdx.json]})`},
		{"misspelled required keys", "knd: model\nlayer: [a]\nlayers: [{paht: a}, {pathes: b}, {as: file}]\nreferrers: [{kind: sbom, layrs: [a]}, {knid: vex, layers: [b]}, {kind: vex}]\n", `davit.yaml:1:1: unknown key "knd" (did you mean "kind"?)
			davit.yaml:2:1: unknown key "layer" (did you mean "layers"?)
			davit.yaml:3:11: unknown key "paht" (did you mean "path"?)
			davit.yaml:3:22: unknown key "pathes" (did you mean "path"?)
			davit.yaml:3:34: the path is missing
			davit.yaml:4:26: unknown key "layrs" (did you mean "layers"?)
			davit.yaml:4:40: unknown key "knid" (did you mean "kind"?)
			davit.yaml:4:65: layers are missing (list the files to attach)`},
		{"misspelled keys of a platform", "kind: image\nplatforms: [{platfrom: linux/amd64, layers: [a]}, {layers: [b]}]\n", `davit.yaml:2:14: unknown key "platfrom" (did you mean "platform"?)
			davit.yaml:2:51: the platform is missing (OS/ARCH[/VARIANT], as in linux/amd64)`},
		{"an empty packing", "kind: generic\nlayers: [{path: a, packing: ''}]\n", `davit.yaml:2:29: "packing": must not be empty (one of raw, tar, tar+gzip, tar+zstd, zip)`},
		{"misspelled packings", "kind: generic\nlayers: [{path: a, packing: targz}, {path: b, packing: gzip}]\n", `davit.yaml:2:29: "packing": must not be targz (one of raw, tar, tar+gzip, tar+zstd, zip)
			davit.yaml:2:56: "packing": must not be gzip (one of raw, tar, tar+gzip, tar+zstd, zip)`},
		{"bad layer", "kind: generic\nlayers:\n  - {title: a}\n  - 3\n  - {path: a, packing: rar, preserve: yes please, mediaType: x}\n  - {pth: b}\n  - {path: '~/x'}\n  - {path: 'C:/x'}\n",
			`davit.yaml:3:5: the path is missing
			davit.yaml:4:5: "layers": must be a string or a mapping, not a number (as in {path: docs/, title: docs})
			davit.yaml:5:24: "packing": must not be rar (did you mean "raw"?)
			davit.yaml:5:39: "preserve": must be true or false, not a string
			davit.yaml:5:62: "x" is not a media type (as in application/json)
			davit.yaml:6:6: unknown key "pth" (did you mean "path"?)
			davit.yaml:7:12: path "~/x" is in the home directory (paths are relative to the declaration)
			davit.yaml:8:12: path "C:/x" is absolute (paths are relative to the declaration)`},
		{"bad titles", "kind: generic\nlayers:\n  - {path: a, title: /a}\n  - {path: b, title: b/../../c}\n  - {path: c, title: c//d}\n  - {path: d, title: \"a\\\\b\"}\n  - {path: e, title: \"a\\0b\"}\n  - {path: e, title: .}\n",
			`davit.yaml:3:22: title "/a" is absolute; it must stay below the destination
			davit.yaml:4:22: title "b/../../c" leaves the destination
			davit.yaml:5:22: title "c//d" is not a clean path; write "c/d"
			davit.yaml:6:22: title "a\\b" has a backslash; the separator is a slash
			davit.yaml:7:22: title "a\x00b" has characters that no file name can have
			davit.yaml:8:22: title "." is the destination itself`},
		{"bad annotations", "kind: generic\nname: a\nlayers:\n  - {path: a, annotations: {org.opencontainers.image.title: x}}\nannotations:\n  a b: c\n  '': d\n  n: 3\n  org.opencontainers.image.title: b\n",
			`davit.yaml:4:29: the title of a layer is not set by annotation (write title: instead)
			davit.yaml:6:3: "a b" is not an annotation key (no spaces; as in com.example.team)
			davit.yaml:7:3: "" is not an annotation key (no spaces; as in com.example.team)
			davit.yaml:8:6: "n": must be a string, not a number (put it in quotes)
			davit.yaml:9:3: annotation "org.opencontainers.image.title" contradicts "name" (leave one of them out)`},
		{"tag given twice", "kind: generic\nlayers: [a]\ntags: [a, b, a]\n", `davit.yaml:3:14: tag "a" is given twice`},
		{"invalid tags", "kind: generic\nlayers: [a]\ntags: [a b, 1.0]\n", `davit.yaml:3:8: "tags": "a b" is not a tag (letters, digits, dots, dashes and underscores, at most 128; a + is written as _)
			davit.yaml:3:13: "tags": must be a string, not a number (put it in quotes)`},
		{"invalid artifactType", "kind: generic\nlayers: [a]\nartifactType: x y\n", `davit.yaml:3:15: "x y" is not a media type (as in application/vnd.example.thing.v1)`},
		{"aliases that expand to a huge document", bomb, "davit.yaml:1:44: is nested too deeply, or too large with its aliases expanded"},
		{"huge aliases before an unknown key", bomb + "nmae: x\n", "davit.yaml:1:44: is nested too deeply, or too large with its aliases expanded"},
		{"invalid targets", "kind: generic\nlayers: [a]\nsubject: some where\nbase: busybox\n",
			`davit.yaml:3:10: "some where" is not a target (as in registry.example.com/app:1.0 or ./oci:1.0)
			davit.yaml:4:7: "busybox" is not a target (as in registry.example.com/app:1.0 or ./oci:1.0)`},
		{"an alias that contains itself", "kind: generic\nlayers: &a [*a]\n", "davit.yaml:2:9: is nested too deeply, or too large with its aliases expanded"},
		{"nested too deeply", "kind: generic\nconfig: {a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}\n", ""},
		{"too large", "# " + strings.Repeat("x", declare.MaxDocument), "davit.yaml: is larger than 1 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.Parse("davit.yaml", []byte(tc.text))
			if !errors.Is(err, spec.ErrInvalid) {
				t.Fatalf("got %v, want problems", err)
			}
			if first, _, _ := strings.Cut(tc.want, "\n"); first == "" || strings.Contains(first, "nested too deeply") {
				if !strings.Contains(err.Error(), "is nested too deeply") {
					t.Errorf("got %v, want \"is nested too deeply\"", err)
				}
				return
			}
			kindtest.WantLines(t, err.Error(), strings.ReplaceAll(tc.want, "\n\t\t\t", "\n"))
		})
	}
}

func TestParseStandardInput(t *testing.T) {
	t.Parallel()
	_, err := artifact.Parse("-", []byte("kind: x\nlayers: [a]\n"))
	if want := `<stdin>:1:7: unknown kind "x"`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReadConfig(t *testing.T) {
	t.Parallel()
	declared := &spec.Spec{Kind: "runbook", Layers: []spec.LayerSpec{{Path: "down.md"}}}
	if err := declare.ReadConfig(declared, "config.yaml", []byte("severity: sev2\nalerts: 3\n")); err != nil {
		t.Fatal(err)
	}
	_, err := artifact.Compose(kindtest.Tree(t, map[string]string{"down.md": kindtest.RunbookFile}).FS(), declared)
	kindtest.WantLines(t, fmt.Sprint(err), `config.yaml:2:9: "alerts": must be a list, not a number`)
	if err := declare.ReadConfig(declared, "config.yaml", []byte("[1]")); err == nil || err.Error() != "config.yaml:1:1: must be a mapping of config fields" {
		t.Errorf("a list: got %v, want \"must be a mapping of config fields\"", err)
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	for _, kind := range append([]string{""}, kindNames()...) {
		data, err := artifact.Schema(kind)
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(data, &schema); err != nil {
			t.Fatal(err)
		}
		if _, err := declare.NewChecker(schema); err != nil || schema["$schema"] != declare.Dialect {
			t.Errorf("schema %q: got %v, dialect %v, want dialect %v", kind, err, schema["$schema"], declare.Dialect)
		}
	}
	if _, err := artifact.Schema("modle"); !errors.Is(err, spec.ErrInvalid) {
		t.Errorf("unknown kind: got %v, want ErrInvalid", err)
	}
}

func kindNames() []string {
	var names []string
	for _, k := range kinds.Data() {
		names = append(names, k.Name)
	}
	return names
}

// TestSchemaAcceptsExamples validates the davit.yaml of every example against the published schema.
func TestSchemaAcceptsExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(kindtest.Examples(), "*", "davit.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("got examples %v, %v, want at least four", files, err)
	}
	published, err := artifact.Schema("")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(published, &schema); err != nil {
		t.Fatal(err)
	}
	checker, err := declare.NewChecker(schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if faults := checker.Check(declare.ReadDocument(file, data).Value); len(faults) > 0 {
			t.Errorf("%s: %v", file, faults)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, k := range kinds.Data() {
		f.Add([]byte(k.Example))
	}
	for _, seed := range []string{"kind: [\n", "lAYers: 0", "a: &a [*a]\n", "kind: generic\nplatforms: [{platform: x}]\nlayers: [a, {path: b}]", "- \t-", "? a\n: b\n", "--- !!map {}\n---\n", "\xff\xfe{\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		declared, err := artifact.Parse("f", data)
		if (declared == nil || err != nil) && !errors.Is(err, spec.ErrInvalid) {
			t.Fatalf("got %v and %v, want a Spec or problems", declared, err)
		}
		var problems spec.Problems
		errors.As(err, &problems)
		lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + strings.Count(string(data), "\u2028") +
			strings.Count(string(data), "\u2029") + strings.Count(string(data), "\u0085") + 2
		for _, p := range problems {
			if p.Line > lines || p.Column > len(data)+1 || (p.Line < 1 || p.Column < 1) && len(data) <= declare.MaxDocument || p.Message == "" {
				t.Errorf("got %+v, want a message and a position in the %d lines of the file", p, lines)
			}
		}
	})
}
