package sbom_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

func TestSBOMByContent(t *testing.T) {
	t.Parallel()
	manyPackages := `{"packages":[` + strings.Repeat(`{"name":"}{\"[","versionInfo":"1"},`, 30000) + `{}],`
	for _, tc := range []struct{ name, content, want, evidence string }{
		{"SPDX 2 JSON", `{"SPDXID":"SPDXRef-DOCUMENT","spdxVersion":"SPDX-2.3"}`, mediatypes.SPDXJSON, "has spdxVersion SPDX-2.3"},
		{"SPDX 2 JSON, version last", manyPackages + `"spdxVersion":"SPDX-2.2"}`, mediatypes.SPDXJSON, "has spdxVersion SPDX-2.2"},
		{"SPDX 2 JSON, indented, with a byte order mark", "\xef\xbb\xbf{\n  \"name\": \"x\",\n  \"spdxVersion\" : \"SPDX-2.3\"\n}", mediatypes.SPDXJSON, "has spdxVersion SPDX-2.3"},
		{"SPDX 3", `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`, mediatypes.SPDXJSON, "has the SPDX 3.0.1 context"},
		{"SPDX 3, list of contexts", `{"@graph":[{"a":[1]}],"@context":["x","https:\/\/spdx.org/rdf/3.1/spdx-context.jsonld"]}`, mediatypes.SPDXJSON, "has the SPDX 3.1 context"},
		{"CycloneDX JSON", `{"$schema":"x","bomFormat":"CycloneDX","specVersion":"1.6","components":[]}`, mediatypes.CycloneDXJSON, "has bomFormat CycloneDX 1.6"},
		{"CycloneDX XML", kindtest.CdxXML, mediatypes.CycloneDXXML, "has the CycloneDX root element 1.5"},
		{"CycloneDX XML, prefixed", `<c:bom xmlns:c="http://cyclonedx.org/schema/bom/1.4"/>`, mediatypes.CycloneDXXML, "has the CycloneDX root element 1.4"},
		{"CycloneDX XML, UTF-16", kindtest.InUTF16(strings.Replace(kindtest.CdxXML, "UTF-8", "UTF-16", 1), binary.LittleEndian), mediatypes.CycloneDXXML, "has the CycloneDX root element 1.5"},
		{"CycloneDX XML, another character set", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\"><a>\xe4</a></bom>", mediatypes.CycloneDXXML, "has the CycloneDX root element 1.4"},
		{"CycloneDX XML, a comment at the end", kindtest.CdxXML + "\n<!-- x -->\n", mediatypes.CycloneDXXML, "has the CycloneDX root element 1.5"},
		{"SPDX tag value", kindtest.TagValue, mediatypes.SPDXTagValue, "begins with SPDXVersion: SPDX-2.3"},
		{"SPDX tag value, UTF-16", kindtest.InUTF16(kindtest.TagValue, binary.BigEndian), mediatypes.SPDXTagValue, "begins with SPDXVersion: SPDX-2.3"},

		{"JSON of something else", `{"name":"x","version":"1.0.0"}`, "", ""},
		{"nested keys of an SBOM", `{"document":{"inner":{"spdxVersion":"SPDX-2.3","bomFormat":"CycloneDX"}}}`, "", ""},
		{"keys of an SBOM as values", `{"a":"spdxVersion","b":"SPDX-2.3","c":["bomFormat","CycloneDX"]}`, "", ""},
		{"JSON in UTF-16", kindtest.InUTF16(`{"bomFormat":"CycloneDX"}`, binary.LittleEndian), "", ""},
		{"JSON cut short", `{"spdxVersion":"SPDX-2.3","packages":[`, "", ""},
		{"JSON and something else", `{"spdxVersion":"SPDX-2.3"} }`, "", ""},
		{"XML cut short", kindtest.CdxXML[:len(kindtest.CdxXML)-3], "", ""},
		{"XML and text", kindtest.CdxXML + "text", "", ""},
		{"XML and another root", kindtest.CdxXML + "<a/>", "", ""},
		{"JSON list", `[{"bomFormat":"CycloneDX"}]`, "", ""},
		{"XML of something else", `<project xmlns="http://maven.apache.org/POM/4.0.0"/>`, "", ""},
		{"text that mentions SPDX", "About\nSPDXVersion: SPDX-2.3\n", "", ""},
		{"empty file", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			// The name is misleading, because only the content counts.
			got, evidence := roleOf(t, "sbom", "README.txt", tc.content)
			if got != tc.want || evidence != tc.evidence {
				t.Errorf("got %q %q, want %q %q", got, evidence, tc.want, tc.evidence)
			}
		})
	}
}

// roleOf returns the role of a file in a kind: its media type, and the evidence for it.
func roleOf(t *testing.T, kindName, name, content string) (mediaType, evidence string) {
	t.Helper()
	kind, _ := kinds.Lookup(kindName)
	fsys := fstest.MapFS{name: {Data: []byte(content)}}
	info, err := fsys.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := kinds.Table().FindRole(kind.Kind, &tree.Sample{FS: fsys, Path: name, Info: info}, "")
	return r.MediaType, r.Evidence
}

func TestSBOMPlan(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"bom": `{"bomFormat":"CycloneDX"}`}, "kind: sbom\nlayers: [bom]\n")
	if err != nil {
		t.Fatal(err)
	}
	if plan.ArtifactType != mediatypes.CycloneDXJSON || plan.Layers[0].MediaType != mediatypes.CycloneDXJSON || plan.ConfigType != mediatypes.EmptyJSON {
		t.Errorf("got artifactType %q, layer %q, config %q, want %q, twice, and an empty config", plan.ArtifactType, plan.Layers[0].MediaType, plan.ConfigType, mediatypes.CycloneDXJSON)
	}
}

func TestInvalidSBOM(t *testing.T) {
	t.Parallel()
	_, err := kindtest.Compose(t, map[string]string{"package.json": `{"name":"x"}`}, "kind: sbom\nlayers:\n  - package.json\n")
	kindtest.WantLines(t, fmt.Sprint(err), `
	davit.yaml:3:5: "package.json" has no role in kind "sbom" (expected SPDX in JSON; CycloneDX in JSON; CycloneDX in XML; Syft's JSON; SPDX as tag: value)`)
}

func FuzzSBOM(f *testing.F) {
	for _, seed := range []string{`{"spdxVersion":"SPDX-2.3"}`, `{"bomFormat":"CycloneDX"}`, kindtest.CdxXML, kindtest.TagValue, `{"@context":["https://spdx.org/rdf/3.0"]}`, "\xff\xfe{", `{"a":{"b":["\""]}}`} {
		f.Add(seed)
	}
	kind, _ := kinds.Lookup("sbom")
	f.Fuzz(func(t *testing.T, content string) {
		fsys := fstest.MapFS{"x": {Data: []byte(content)}}
		info, _ := fsys.Stat("x")
		r, ok := kinds.Table().FindRole(kind.Kind, &tree.Sample{FS: fsys, Path: "x", Info: info}, "")
		// The evidence must be in the file.
		if ok && !strings.Contains(string(bom.ToUTF8([]byte(content))), "SPDX") && !strings.Contains(string(bom.ToUTF8([]byte(content))), "bom") &&
			!strings.Contains(strings.ReplaceAll(content, `\`, ""), "spdx.org") {
			t.Errorf("%q: got %s, want no role without evidence", content, r.MediaType)
		}
	})
}
