package artifact_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/format/wasm"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/tree"
)

// TestBrokenFilesAreNotGeneric checks that a file is refused if its name belongs to a kind but its content doesn't match.
func TestBrokenFilesAreNotGeneric(t *testing.T) {
	t.Parallel()
	chart := kindtest.ArchiveOf(t, "web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\n")
	for name, tc := range map[string]struct{ content, want string }{
		"x.wasm":                {"hello", `x.wasm: it has the name of kind "wasm", but not a WebAssembly binary: it does not begin with \0asm`},
		"compose.yaml":          {"services: [", `compose.yaml: it has the name of kind "compose", but docker compose can't read it: line 2: not YAML: did not find expected node content`},
		"compose.yml":           {"scrape_configs: []\n", `compose.yml: it has the name of kind "compose", but docker compose does not know the key "scrape_configs" on line 1`},
		"docker-compose.yaml":   {"service: {}\nx-a: 1\nvolume: {}\nfoo: 1\n", `docker-compose.yaml: it has the name of kind "compose", but docker compose does not know the key "service" on line 1 (did you mean "services"?), the key "volume" on line 3 (did you mean "volumes"?), the key "foo" on line 4`},
		"docker-compose.yml":    {"", `docker-compose.yml: it has the name of kind "compose", but it is empty: docker compose requires services`},
		"web-1.2.3.tgz":         {"junk, and no gzip", `web-1.2.3.tgz: it has the name of kind "helm", but not a packaged chart: gzip: invalid header`},
		"cut-1.2.3.tgz":         {chart[:40], `cut-1.2.3.tgz: it has the name of kind "helm", but broken chart archive: unexpected EOF`},
		"late-1.2.3.tgz":        {kindtest.ArchiveOf(t, "x/y", "z")[:len(kindtest.ArchiveOf(t, "x/y", "z"))-1], `late-1.2.3.tgz: it has the name of kind "helm", but broken chart archive: unexpected EOF`},
		"Kitfile":               {"model: {}\n", `Kitfile: it has the name of kind "modelkit", but it has no manifestVersion, which kit requires`},
		"a.spdx.json":           {`{"spdxVersion": "SPDX-2.3", "pack`, `a.spdx.json: it has the name of kind "sbom", but its JSON ends too early`},
		"bom.json":              {`{"bomFormat": "Cyclone"}`, `bom.json: it has the name of kind "sbom", but it is not CycloneDX in JSON`},
		"bom.xml":               {kindtest.CdxXML[:len(kindtest.CdxXML)-6], `bom.xml: it has the name of kind "sbom", but its XML is broken: XML syntax error on line 1: unexpected EOF`},
		"a.cdx.xml":             {kindtest.CdxXML + "x", `a.cdx.xml: it has the name of kind "sbom", but something follows its root element`},
		"b.cdx.xml":             {"<a/>", `b.cdx.xml: it has the name of kind "sbom", but its root element is not CycloneDX's`},
		"a.spdx":                {"SPDX-2.3\n", `a.spdx: it has the name of kind "sbom", but it is not SPDX as tag: value`},
		"a.sarif":               {"{}", `a.sarif: it has the name of kind "report", but it is not SARIF`},
		"a.openvex.json":        {"[]", `a.openvex.json: it has the name of kind "vex", but it is not OpenVEX`},
		"a.intoto.json":         {"{", `a.intoto.json: it has the name of kind "attestation", but its JSON ends too early`},
		"sub/dir/A.CDX.JSON":    {"{}", `sub/dir/A.CDX.JSON: it has the name of kind "sbom", but it is not CycloneDX in JSON`},
		"release.sigstore.json": {"{}", `release.sigstore.json: it has the name of kind "attestation", but it is not a sigstore bundle`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := kindtest.Tree(t, map[string]string{name: tc.content}).FS()
			_, _, err := artifact.Detect(fsys, []string{name}, "")
			var problems spec.Problems
			if fmt.Sprint(err) != tc.want+" ("+roles.GenericHint+")" || !errors.As(err, &problems) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if spec, _, err := artifact.Detect(fsys, []string{name}, "generic"); err != nil || spec.Kind != "generic" {
				t.Errorf("as generic: got %+v, %v, want kind generic", spec, err)
			}
		})
	}
}

// TestUnsupportedDocumentFormats checks that SBOMs and reports are refused in formats that other clients can't read: SPDX in YAML
// or RDF, OSV-Scanner's JSON, and gzip. Files that only mention such a format are generic.
func TestUnsupportedDocumentFormats(t *testing.T) {
	t.Parallel()
	zipped := func(content string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(content))
		_ = z.Close()
		return b.String()
	}
	const yaml = "SPDXID: SPDXRef-DOCUMENT\nspdxVersion: SPDX-2.3\nname: x\n"
	const rdf = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:spdx="http://spdx.org/rdf/terms#"/>`
	const osv = `{"results": [], "experimental_config": {}}`
	for content, want := range map[string]string{
		yaml: "is SPDX in YAML",
		"---\nname: x\nspdxVersion: \"SPDX-2.2\"\nSPDXID: \"SPDXRef-DOCUMENT\"\n": "is SPDX in YAML",
		rdf:                                          "is SPDX in RDF",
		`<?xml version="1.0"?>` + rdf:                "is SPDX in RDF",
		osv:                                          "is a report of OSV-Scanner",
		zipped(`{"spdxVersion": "SPDX-2.3"}`):        "is a compressed document",
		zipped(` {"bomFormat":"CycloneDX"}`):         "is a compressed document",
		zipped("SPDXVersion: SPDX-2.3\n"):            "is a compressed document",
		zipped(kindtest.CdxXML):                      "is a compressed document",
		zipped(`{"version":"2.1.0","runs":[]}`):      "is a compressed document",
		zipped("a.json\x00{\"spdxVersion\": 1}"):     "",
		zipped("text"):                               "",
		"see SPDXID: and\n spdxVersion: SPDX-2.3\n":  "",
		"the namespace http://spdx.org/rdf/terms#\n": "",
		`{"results": []}`:                            "",
		"\x1f\x8bjunk":                               "",
	} {
		for _, name := range []string{"document", "a.spdx.json.gz", "x.bin"} {
			fsys := kindtest.Tree(t, map[string]string{name: content}).FS()
			_, _, err := artifact.Detect(fsys, []string{name}, "")
			if want == "" && err != nil || want != "" && !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%s, %.60q: got %v, want %q", name, content, err, want)
			}
			if spec, _, err := artifact.Detect(fsys, []string{name}, "generic"); err != nil || spec.Kind != "generic" {
				t.Errorf("%s, %.60q as generic: got %+v, %v, want kind generic", name, content, spec, err)
			}
		}
	}
}

// TestBrokenFilesOfANamedKind checks the errors about unfit files in a declaration that names the kind.
func TestBrokenFilesOfANamedKind(t *testing.T) {
	t.Parallel()
	files := map[string]string{"x.wasm": "hello", "a.spdx.json": `{"spdxVersion": "SPDX-2.3", "pack`, "notes.json": "{}"}
	for declaration, want := range map[string]string{
		"kind: wasm\nlayers: [x.wasm]\n":      `"x.wasm" has the name of kind "wasm", but not a WebAssembly binary: it does not begin with \0asm`,
		"kind: sbom\nlayers: [a.spdx.json]\n": `"a.spdx.json" has the name of kind "sbom", but its JSON ends too early`,
		"kind: sbom\nlayers: [notes.json]\n":  `"notes.json" has no role in kind "sbom"`,
	} {
		if _, err := kindtest.Compose(t, files, declaration); !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: got %v, want %s", declaration, err, want)
		}
	}
}

// TestPipesAreNotOpened checks that named pipes are not opened: opening one waits for a writer.
func TestPipesAreNotOpened(t *testing.T) {
	t.Parallel()
	pipes := unopened{fstest.MapFS{}}
	for _, name := range []string{"x.wasm", "web-1.2.3.tgz", "compose.yaml", "Kitfile", "a.spdx.json"} {
		pipes.MapFS[name] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
		spec, _, err := artifact.Detect(pipes, []string{name}, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := artifact.Compose(pipes, spec); !strings.Contains(fmt.Sprint(err), "is neither a file nor a directory") {
			t.Errorf("%s: got %v, want \"is neither a file nor a directory\"", name, err)
		}
	}
	if _, err := tree.Inspect(pipes, "x.wasm", wasm.Read); !errors.Is(err, tree.ErrNotFile) {
		t.Errorf("inspecting a pipe: got %v, want ErrNotFile", err)
	}
}

// unopened is a file system whose entries can't be opened.
type unopened struct{ fstest.MapFS }

// Open fails for each entry of the map.
func (u unopened) Open(name string) (fs.File, error) {
	if u.MapFS[name] != nil {
		return nil, fmt.Errorf("%s was opened", name)
	}
	return u.MapFS.Open(name)
}

// Stat implements fs.StatFS. It does not call Open.
func (u unopened) Stat(name string) (fs.FileInfo, error) { return u.MapFS.Stat(name) }

// TestBrokenFilesInDirectories checks that broken files are found in the pushed directory, but not in its subdirectories, which
// may contain anything.
func TestBrokenFilesInDirectories(t *testing.T) {
	t.Parallel()
	fsys := kindtest.Tree(t, map[string]string{
		"a/x.wasm": "x", "a/README.md": "x", "b/testdata/x.wasm": "x", "b/.x.wasm": "x", "b/old.wasm": "x", "b/.davitignore": "old.*\n", "b/main.go": "x",
		"npm/pkg-1.2.3.tgz": kindtest.ArchiveOf(t, "package/package.json", "{}"), "vex/bom.json": `{"bomFormat":"CycloneDX","vulnerabilities":[]}`,
	}).FS()
	for dir, want := range map[string]string{"a": "wasm", "b": "", "npm": "", "vex": ""} {
		_, _, err := artifact.Detect(fsys, []string{dir}, "")
		_, initErr := artifact.Starter(fsys, dir, "")
		if want == "" && (err != nil || initErr != nil) || want != "" && (!strings.Contains(fmt.Sprint(err), want) || !strings.Contains(fmt.Sprint(initErr), want)) {
			t.Errorf("%s: push: got %v, init: got %v, want %q", dir, err, initErr, want)
		}
	}
}

// TestTruncatedCharts checks that a packaged chart is refused if it is truncated at any byte.
func TestTruncatedCharts(t *testing.T) {
	t.Parallel()
	chart := kindtest.ArchiveOf(t, "web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\n")
	for n := range len(chart) {
		fsys := kindtest.Tree(t, map[string]string{"web-1.2.3.tgz": chart[:n]}).FS()
		declared, _, err := artifact.Detect(fsys, []string{"web-1.2.3.tgz"}, "")
		if err == nil {
			_, err = artifact.Compose(fsys, declared)
		}
		if !errors.Is(err, spec.ErrInvalid) {
			t.Errorf("%d of %d bytes: got %v, want ErrInvalid", n, len(chart), err)
		}
	}
}

// TestUnknownBottleTag checks that push and init of kind bottle report the unknown tag in the name of the only bottle.
func TestUnknownBottleTag(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"tahoe2", "arm64_windows", "ventura_x86"} {
		name := "a--1.0." + tag + ".bottle.tar.gz"
		fsys := kindtest.Tree(t, map[string]string{name: "x", "README.md": "# A\n"}).FS()
		want := fmt.Sprintf("%q has the name of kind %q, but %q is not a Homebrew bottle tag: want all, x86_64_linux", name, "bottle", tag)
		if _, _, err := artifact.Detect(fsys, []string{"."}, "bottle"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("push with %s: got %v, want %s", tag, err, want)
		}
		if _, err := artifact.Starter(fsys, ".", "bottle"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("init with %s: got %v, want %s", tag, err, want)
		}
	}
}
