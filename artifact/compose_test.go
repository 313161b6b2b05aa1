package artifact_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestComposeReportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := kindtest.Compose(t, map[string]string{"a.txt": "x", "data/sub/b": "x", "out": "->/etc/passwd"}, `kind: generic
name: x
version: 1.0
lyers: [a]
tags: [a+b, ok]
layers:
  - a.txt
  - path: data/
    titel: x
  - missing.txt
  - out
  - ../x
  - /etc/passwd
  - '*.zzz'
  - {path: a.txt, title: ../up}
  - {path: a.txt, title: a.txt}
subject: 3
config: [1]
`)
	kindtest.WantLines(t, err.Error(), `
	davit.yaml:3:10: "version": must be a string, not a number (put it in quotes)
	davit.yaml:4:1: unknown key "lyers" (did you mean "layers"?)
	davit.yaml:5:8: "tags": "a+b" is not a tag (letters, digits, dots, dashes and underscores, at most 128; a + is written as _)
	davit.yaml:9:5: unknown key "titel" (did you mean "title"?)
	davit.yaml:10:5: "missing.txt" does not exist
	davit.yaml:11:5: "out" leaves the directory through the link "out" -> "/etc/passwd"
	davit.yaml:12:5: path "../x" leaves the directory of the declaration (move the file below it, or the declaration above)
	davit.yaml:13:5: path "/etc/passwd" is absolute (paths are relative to the declaration)
	davit.yaml:14:5: "*.zzz" matches no files
	davit.yaml:15:26: title "../up" leaves the destination
	davit.yaml:16:5: layers "a.txt" and "a.txt" have the same title, "a.txt"
	davit.yaml:17:10: "subject": must be a string, not a number (put it in quotes)
	davit.yaml:18:9: "config": must be a mapping, not a list (as in config: {quantization: Q4_K_M})`)
}

func TestComposeLayers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, layers, want string }{
		{"a file", "[a.txt]", "a.txt a.txt raw application/octet-stream"},
		{"a link to another file", "[./link.txt]", "link.txt link.txt raw application/octet-stream"},
		{"a directory", "[data/]", "data data tar+gzip application/vnd.oci.image.layer.v1.tar+gzip prefix=data/ unpack"},
		{"a directory with a packing and a title", "[{path: data, packing: tar+zstd, title: d/e}]", "data d/e tar+zstd application/vnd.oci.image.layer.v1.tar+zstd prefix=d/e/"},
		{"a glob", "['*.txt']", "[odd].txt [odd].txt raw application/octet-stream\na.txt a.txt raw application/octet-stream\n" +
			"b.txt b.txt raw application/octet-stream\nlink.txt link.txt raw application/octet-stream"},
		{"a deep glob", "['data/**/*.json']", "data/sub/z.json data/sub/z.json raw application/octet-stream\ndata/x.json data/x.json raw application/octet-stream"},
		{"a glob with exclusions", "[{path: 'data/**', exclude: [sub, '*.tmp']}]", "data/x.json data/x.json raw application/octet-stream"},
		{"a glob of directories", "['d*/']", "data data tar+gzip application/vnd.oci.image.layer.v1.tar+gzip prefix=data/ unpack\n" +
			"docs docs tar+gzip application/vnd.oci.image.layer.v1.tar+gzip prefix=docs/ unpack"},
		{"a tar of the files of a glob", "[{path: 'docs/*.md', packing: tar}]", "docs docs tar application/vnd.oci.image.layer.v1.tar files=[docs/a.md docs/b.md] prefix=docs/"},
		{"a tar of a file in the top directory", "[{path: a.txt, packing: tar+zstd}]",
			". a.txt.tar.zst tar+zstd application/vnd.oci.image.layer.v1.tar+zstd files=[a.txt]"},
		{"a tar of a file in a subdirectory", "[{path: docs/a.md, packing: tar+gzip, title: x}]",
			"docs x tar+gzip application/vnd.oci.image.layer.v1.tar+gzip files=[docs/a.md] prefix=x/ unpack"},
		{"a file that looks like a glob", "['[odd].txt', '*']", "[odd].txt [odd].txt raw application/octet-stream\n* * raw application/octet-stream"},
		{"a glob that matches a separate layer", "[{path: a.txt, mediaType: text/plain, annotations: {k: v}}, '{a,b}.txt']",
			"a.txt a.txt raw text/plain map[k:v]\nb.txt b.txt raw application/octet-stream"},
		{".davitignore", "['s/**']", "s/k.txt s/k.txt raw application/octet-stream"},
		{"a declared file that .davitignore matches", "[s/k.secret]", "s/k.secret s/k.secret raw application/octet-stream"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			plan, err := kindtest.Compose(t, kindtest.ComposeFiles, "kind: generic\nlayers: "+tc.layers+"\n")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(kindtest.Describe(plan)); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestComposeProblems(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a.txt": "a", "dir/x": "x", "empty/": "", "loop": "->loop", "up/l": "->../../x", "over": "->dir/../a.txt", "gone": "->nothing",
		"annexed": "->.git/annex/objects/X/Y/K/K", "deep/annexed": "->../.git/annex/objects/X/Y/K/K", "above": "->../.git/annex/objects/X/Y/K/K",
		"tree/ok": "x", "nest/in/y": "y", "side/dir": "->../dir", "side/in/x": "->../in", "side/up": "->in/../../dir", "tree/out": "->/etc/passwd", "linkdir": "->..", "bom": `{"bomFormat":"CycloneDX"}`, "secret": "", ".davitignore": "secret\n", "sub/.davitignore": "[\n", "sub/x": "",
	}
	for _, tc := range []struct{ name, kind, layers, want string }{
		{"missing files, one with a similar name", "generic", "[a.tx, dir/y]", `2:10: "a.tx" does not exist (did you mean "a.txt"?)
			2:16: "dir/y" does not exist`},
		{"a directory where a file is needed", "sbom", "[dir]", `2:10: "dir" is a directory; kind "sbom" needs files (expected SPDX in JSON; CycloneDX in JSON; CycloneDX in XML; Syft's JSON; SPDX as tag: value)`},
		{"packings that no role supports", "model", "[{path: dir, packing: tar+gzip}, {path: a.txt, packing: tar}]", `2:9: kind "model" needs one layer with role "weights" (expected *.gguf; *.safetensors; *.dduf; GGUF without an extension)
			2:31: kind "model" does not pack role "file" as tar+gzip (one of raw; with as: directory, one of tar; or set mediaType)
			2:65: kind "model" does not pack role "file" as tar (one of raw; or set mediaType)`},
		{"a raw directory", "generic", "[{path: dir, packing: raw}]", `2:17: "dir" is a directory; raw packing needs a file (packing: tar+gzip)`},
		{"a file with a slash at the end", "generic", "[a.txt/]", `2:10: "a.txt/" is a file, not a directory (leave out the slash at the end)`},
		{"broken links and links out of the directory", "generic", "[up/l, gone, loop, over, linkdir/x]", `2:10: "up/l" leaves the directory through the link "up/l" -> "../../x"
			2:16: "gone" is a broken link
			2:22: "loop" goes through the link "loop", which leads nowhere
			2:34: "linkdir/x" leaves the directory through the link "linkdir" -> ".."`},
		{"git-annex links", "generic", "[annexed, deep, above]", `2:10: "annexed" is a git-annex link whose content was not fetched: git annex get "annexed"
			2:19: "deep/annexed" is a git-annex link whose content was not fetched: git annex get "deep/annexed" (exclude it: name it in .davitignore)
			2:25: "above" is a git-annex link out of the directory: git annex get "above" && git annex unlock "above"`},
		{"a link out of a declared directory", "generic", "[tree]", `2:10: "tree/out" leaves the directory through the link "tree/out" -> "/etc/passwd" (exclude it: name it in .davitignore)`},
		{"a glob through a link", "generic", "['linkdir/*', 'none/*']", `2:10: "linkdir/*" leaves the directory through the link "linkdir" -> ".."
			2:23: "none/*" matches no files`},
		{"links from one directory to another", "generic", "[side]", `2:10: "side/dir" leaves the directory through the link "side/dir" -> "../dir" (exclude it: name it in .davitignore)
			2:10: "side/up" leaves the directory through the link "side/up" -> "in/../../dir" (exclude it: name it in .davitignore)`},
		{"links out of two declared directories", "generic", "[tree, up]", `2:10: "tree/out" leaves the directory through the link "tree/out" -> "/etc/passwd" (exclude it: name it in .davitignore)
			2:16: "up/l" leaves the directory through the link "up/l" -> "../../x" (exclude it: name it in .davitignore)`},
		{"an empty directory", "generic", "[empty]", `2:10: "empty" has no files in it`},
		{"globs without files, and an invalid glob", "generic", "['*.zip', 'secre*', 'a[']", `2:10: "*.zip" matches no files
			2:19: "secre*" matches only files that are excluded or that other entries name
			2:29: "a[" is not a glob pattern`},
		{"two layers with one title", "generic", "[a.txt, {path: dir/x, title: a.txt}]", `2:17: layers "a.txt" and "dir/x" have the same title, "a.txt"`},
		{"a title below a file", "generic", "[a.txt, {path: dir/x, title: a.txt/b}]", `2:17: title "a.txt/b" is below "a.txt", which is a file`},
		{"a file in a directory and in a separate layer", "generic", "[dir, dir/x]", `2:10: "dir" contains "dir/x", which is also a separate layer: they can't be pulled together (exclude it, or leave out the layer)`},
		{"a directory, and a glob of files in it", "generic", "[{path: tree, exclude: [out]}, 'tree/*k']", `2:10: "tree" contains "tree/ok", which is also a separate layer: they can't be pulled together (exclude it, or leave out the layer)`},
		{"a directory in a directory", "generic", "[nest, {path: nest/in, packing: tar}]", `2:16: "nest" and "nest/in" both contain "nest/in/y": they can't be pulled together (exclude it, or leave out the layer)`},
		{"a directory after its subdirectory", "generic", "[nest/in, nest]", `2:19: "nest/in" and "nest" both contain "nest/in/y": they can't be pulled together (exclude it, or leave out the layer)`},
		{"one title for two files", "generic", "[{path: '{dir/x,a.txt}', title: x}]", `2:41: "{dir/x,a.txt}" matches 2 files; one title can't name them all`},
		{"directory options for a file", "generic", "[{path: a.txt, split: true, exclude: [x], preserve: true}]", `2:24: "a.txt" is a file; only directories can be split
			2:37: "a.txt" is a file; there is nothing to exclude
			2:51: "a.txt" is packed raw, which keeps no modes or owners (packing: tar+gzip)`},
		{"an unknown role", "sbom", "[{path: bom, as: bill}]", `2:9: kind "sbom" needs one layer with role "sbom" (expected SPDX in JSON; CycloneDX in JSON; CycloneDX in XML; Syft's JSON; SPDX as tag: value)
			2:26: kind "sbom" has no role "bill" (one of sbom)`},
		{"two files in a role that takes one", "sbom", "[bom, {path: bom, title: b}]", `2:15: kind "sbom" takes at most one layer with role "sbom"`},
		{"a packing that the role does not support", "sbom", "[{path: bom, packing: tar}]", `2:31: kind "sbom" does not pack role "sbom" as tar (one of raw; or set mediaType)`},
		{"an invalid exclude pattern", "generic", "[{path: dir, exclude: ['[']}]", `2:31: exclude: syntax error in pattern`},
		{"an invalid .davitignore", "generic", "[sub]", `2:10: "sub/.davitignore": syntax error in pattern`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, files, "kind: "+tc.kind+"\nlayers: "+tc.layers+"\n")
			kindtest.WantLines(t, strings.ReplaceAll(fmt.Sprint(err), "davit.yaml:", ""), strings.ReplaceAll(tc.want, "\n\t\t\t", "\n"))
		})
	}
}

func TestComposeTakesFilesThatAnotherLayerExcludes(t *testing.T) {
	t.Parallel()
	files := map[string]string{"dir/x": "x", "dir/in/y": "y", "dir/in/z": "z"}
	for _, layers := range []string{
		"[{path: dir, exclude: [in]}, dir/in]",
		"[{path: dir, exclude: [in]}, dir/in/y]",
		"[{path: dir, exclude: ['in/*']}, dir/in/y]",
		"[{path: dir, exclude: [x]}, dir/x]",
		"[{path: dir, title: other}, dir]",
		"[dir/x, {path: 'dir/in/*', packing: tar}]",
	} {
		if _, err := kindtest.Compose(t, files, "kind: generic\nlayers: "+layers+"\n"); err != nil {
			t.Errorf("layers: %s: %v", layers, err)
		}
	}
}

func TestComposeRefusesUnusedFields(t *testing.T) {
	t.Parallel()
	files := map[string]string{"bom": `{"bomFormat":"CycloneDX"}`}
	_, err := kindtest.Compose(t, files, "kind: sbom\nlayers: [bom]\nartifactType: application/x\nconfig: {a: 1}\nbase: ./x\n")
	kindtest.WantLines(t, fmt.Sprint(err), `
	davit.yaml:3:15: kind "sbom" has its own artifact type (use kind generic, or a kind file)
	davit.yaml:4:1: kind "sbom" has no config fields
	davit.yaml:5:7: kind "sbom" does not use a base (image and volume do)`)
}

func TestComposeAnnotations(t *testing.T) {
	t.Parallel()
	root := kindtest.Tree(t, map[string]string{"a": "x"})
	spec := &spec.Spec{Kind: "generic", Name: "n", Version: "1", Annotations: map[string]string{"k": "v"}, Layers: []spec.LayerSpec{{Path: "a"}},
		Settings: spec.Settings{Created: time.Unix(1_700_000_000, 0)}}
	plan, err := artifact.Compose(root.FS(), spec)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"k": "v", ocispec.AnnotationTitle: "n", ocispec.AnnotationVersion: "1", ocispec.AnnotationCreated: "2023-11-14T22:13:20Z"}
	if !maps.Equal(plan.Annotations, want) {
		t.Errorf("got %v, want %v", plan.Annotations, want)
	}
}

func TestComposeGenericConfig(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ config, wantType, want string }{
		{"", mediatypes.EmptyJSON, "{}"},
		{"config: {b: <x>, a: [1, 2.50]}\n", mediatypes.UnknownConfig, `{"a":[1,2.50],"b":"<x>"}`},
	} {
		plan, err := kindtest.Compose(t, map[string]string{"a": "x"}, "kind: generic\nlayers: [a]\n"+tc.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := kindtest.ConfigOf(t, plan); got != tc.want || plan.ConfigType != tc.wantType {
			t.Errorf("got %s %s, want %s %s", plan.ConfigType, got, tc.wantType, tc.want)
		}
	}
}

func TestComposePlatformsAndReferrers(t *testing.T) {
	t.Parallel()
	files := map[string]string{"amd": "1", "arm": "2", "bom": `{"bomFormat":"CycloneDX"}`, "down.md": kindtest.RunbookFile}
	plan, err := kindtest.Compose(t, files, `kind: generic
name: n
annotations: {k: v, o: o}
config: {a: 1, b: {c: 1}}
tags: [x]
platforms:
  - {platform: linux/amd64, layers: [{path: amd, title: app}]}
  - {platform: linux/arm64/v8, layers: [{path: arm, title: app}], annotations: {o: p}, config: {b: {d: 2}}}
referrers:
  - {kind: sbom, layers: [bom], referrers: [{kind: runbook, layers: [down.md]}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Layers) != 0 || len(plan.Platforms) != 2 || !slices.Equal(plan.Tags, []string{"x"}) {
		t.Fatalf("got %+v, want no layers, two platforms, and tag x", plan)
	}
	arm := plan.Platforms[1]
	if manifest.FormatPlatform(arm.Platform) != "linux/arm64/v8" || arm.Layers[0].Title != "app" {
		t.Errorf("got %+v, want platform linux/arm64/v8 and title app", arm)
	}
	if want := map[string]string{"k": "v", "o": "p", ocispec.AnnotationTitle: "n"}; !maps.Equal(arm.Annotations, want) {
		t.Errorf("annotations: got %v, want %v", arm.Annotations, want)
	}
	if got, want := kindtest.ConfigOf(t, arm), `{"a":1,"b":{"c":1,"d":2}}`; got != want {
		t.Errorf("config: got %s, want %s", got, want)
	}
	if r := plan.Referrers[0]; r.ArtifactType != mediatypes.CycloneDXJSON || r.Referrers[0].Kind.Name != "runbook" {
		t.Errorf("referrers: got %+v, want a CycloneDX SBOM with a runbook", r)
	}
}

// TestComposeReportsSharedMistakesOnce checks that a mistake in config that all platforms share is reported once, at its own
// position.
func TestComposeReportsSharedMistakesOnce(t *testing.T) {
	t.Parallel()
	_, err := kindtest.Compose(t, map[string]string{"r/a": "x"}, `kind: image
config: {Env: [A=b], Labels: {}, author: 3}
platforms:
  - {platform: linux/amd64, layers: [r/]}
  - {platform: linux/arm64, layers: [r/], config: {Cmd: x}}
`)
	kindtest.WantLines(t, fmt.Sprint(err), `
	davit.yaml:2:10: unknown key "Env" (one of architecture, author, config, os, variant)
	davit.yaml:2:22: unknown key "Labels" (one of architecture, author, config, os, variant)
	davit.yaml:2:42: "author": must be a string, not a number (put it in quotes)
	davit.yaml:5:52: unknown key "Cmd" (one of architecture, author, config, os, variant)`)
}

func TestComposeLeavesOutDavitFiles(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"davit.yaml": "x", "a": "x", "oci/oci-layout": "{}", "d/keep.tmp": "", "d/lose.tmp": "", ".davitignore": "**/*.tmp\n!d/keep.tmp\n",
		".d.davit.json": "{}", "d/.davit-0123456789abcdef/lock": "", "d/.x.tar.davit-1": "", "d/x.davit.json": "{}"},
		"kind: generic\nlayers: [.]\n")
	if err != nil {
		t.Fatal(err)
	}
	exclude := plan.Layers[0].Exclude
	for name, want := range map[string]bool{"davit.yaml": true, "oci": true, ".davitignore": true, "a": false, "d": false, "d/keep.tmp": false, "d/lose.tmp": true,
		".d.davit.json": true, "d/.davit-0123456789abcdef": true, "d/.x.tar.davit-1": true, "d/x.davit.json": false} {
		if got := exclude(name, name == "d" || name == "oci" || strings.HasSuffix(name, "f")); got != want {
			t.Errorf("%s left out: got %v, want %v", name, got, want)
		}
	}
	if got, want := plan.Layers[0].Title, "generic"; got != want {
		t.Errorf("title: got %q, want %q", got, want)
	}
}

func TestComposeSpecMadeInGo(t *testing.T) {
	t.Parallel()
	root := kindtest.Tree(t, map[string]string{"a": "x", "empty/": ""})
	_, err := artifact.Compose(root.FS(), &spec.Spec{Kind: "generc", Tags: []string{"a+b"}, Platform: "linux/amd64", Layers: []spec.LayerSpec{{Path: "b"}, {Path: "empty"}, {Path: "a", Title: ".."}, {}},
		Referrers: []*spec.Spec{{Kind: "sbom", Related: spec.Related{Subject: "example.com/x"}}}})
	kindtest.WantLines(t, fmt.Sprint(err), `
	unknown kind "generc" (did you mean "generic"?)
	only an entry of platforms has a platform
	"a+b" is not a tag (letters, digits, dots, dashes and underscores, at most 128; a + is written as _)
	title ".." leaves the destination
	the path is missing
	layers are missing (list the files to attach)
	a referrer has no tags, platforms, subject or base
	"b" does not exist
	"empty" has no files in it`)
	plan, err := artifact.Compose(root.FS(), &spec.Spec{Kind: "generic", Settings: spec.Settings{Dir: "site"}, Layers: []spec.LayerSpec{{Path: "."}}})
	if err != nil || plan.Layers[0].Title != "site" {
		t.Errorf("got %v, %v, want title \"site\"", plan, err)
	}
}

func TestComposeWarnsAboutGit(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"d/.git/HEAD": "x", "d/.git/config": "x", "d/a": "x"}, "kind: generic\nlayers: [d]\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"d/.git is packed too; name it in .davitignore if it should not be"}; !slices.Equal(plan.Warnings, want) {
		t.Errorf("got %v, want %v", plan.Warnings, want)
	}
}
