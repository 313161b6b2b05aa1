package sbom_test

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/sbom"
)

func TestRead(t *testing.T) {
	t.Parallel()
	type counts = []sbom.LicenseCount
	for _, test := range []struct {
		name, document string
		want           sbom.Summary
	}{
		{
			"SPDX in JSON", `{"creationInfo": {"a": [[1], {}]}, "name": "app", "packages": [
				{"licenseConcluded": "NOASSERTION", "licenseDeclared": "MIT"}, {"licenseConcluded": "Apache-2.0", "licenseDeclared": "MIT"},
				{"licenseDeclared": "NONE"}, {"licenseConcluded": "Apache-2.0"}, {"licenseConcluded": 7}], "spdxVersion": "SPDX-2.3"}`,
			sbom.Summary{Format: "SPDX-2.3", Name: "app", Components: 5, Licenses: counts{{"", 2}, {"Apache-2.0", 2}, {"MIT", 1}}},
		},
		{
			"CycloneDX in JSON", "\xef\xbb\xbf" + `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"name": "app", "version": "1.0"}},
				"components": [{"licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Own"}}], "components": [{"licenses": [{"expression": "MIT OR ISC"}]}]}, {}]}`,
			sbom.Summary{Format: "CycloneDX 1.6", Name: "app 1.0", Components: 3, Licenses: counts{{"", 1}, {"MIT AND Own", 1}, {"MIT OR ISC", 1}}},
		},
		{
			"CycloneDX in JSON, version first, no list of components", `{"specVersion": "1.5", "bomFormat": "CycloneDX", "components": {"not": "a list"}}`,
			sbom.Summary{Format: "CycloneDX 1.5", Licenses: counts{}},
		},
		{
			"CycloneDX in XML", `<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.4">
				<metadata><component><name>app</name><version>2</version></component></metadata><components>
				<component><name>a</name><licenses><license><id>MIT</id></license></licenses>
				<components><component><licenses><expression>ISC</expression></licenses></component></components></component>
				<component><name>b</name></component></components></bom>`,
			sbom.Summary{Format: "CycloneDX 1.4", Name: "app 2", Components: 3, Licenses: counts{{"", 1}, {"ISC", 1}, {"MIT", 1}}},
		},
		{
			"SPDX as tag: value", "SPDXVersion: SPDX-2.2\nDocumentName: app\nPackageName: a\nPackageLicenseDeclared: MIT\nPackageLicenseConcluded: NOASSERTION\n\nPackageName: b\n",
			sbom.Summary{Format: "SPDX-2.2", Name: "app", Components: 2, Licenses: counts{{"", 1}, {"MIT", 1}}},
		},
		{
			"SPDX 3", `{"@graph": [{"type": "Relationship", "from": "urn:a", "relationshipType": "hasDeclaredLicense", "to": ["urn:l"]},
				{"type": "software_Package", "spdxId": "urn:a", "name": "a", "extension": [{"x": [1]}]}, {"type": "software_Package", "spdxId": "urn:b"},
				{"type": "software_Package", "spdxId": "urn:c", "name": 7}, {"@type": "ai_AIPackage", "@id": "urn:d"}, {"type": "software_File", "spdxId": "urn:f"},
				{"type": "simplelicensing_LicenseExpression", "spdxId": "urn:l", "simplelicensing_licenseExpression": "MIT OR ISC"},
				{"type": "Relationship", "from": "urn:a", "relationshipType": "hasConcludedLicense", "to": "expandedlicensing_NoAssertionLicense"},
				{"type": "Relationship", "from": "urn:b", "relationshipType": "hasConcludedLicense", "to": ["https://spdx.org/licenses/MIT", "urn:t"]},
				{"type": "simplelicensing_SimpleLicensingText", "spdxId": "urn:t", "name": "Own"},
				{"type": "Relationship", "from": "urn:c", "relationshipType": "hasDeclaredLicense", "to": ["https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoneLicense"]},
				{"type": "Relationship", "from": "urn:a", "relationshipType": "dependsOn", "to": ["urn:b"]},
				{"type": "SpdxDocument", "name": "app"}], "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`,
			sbom.Summary{Format: "SPDX-3.0.1", Name: "app", Components: 4, Licenses: counts{{"", 2}, {"MIT AND Own", 1}, {"MIT OR ISC", 1}}},
		},
		{
			"SPDX in an envelope", `{"payloadType": "application/vnd.in-toto+json", "payload" : "` + statedSBOM(base64.StdEncoding) + `", "signatures": [{"sig": ""}], "name": "no"}`,
			sbom.Summary{Format: "SPDX-2.3", Name: "app?>", Components: 1, Licenses: counts{{"MIT", 1}}, Enveloped: true},
		},
		{
			"SPDX in a bundle", `{"verificationMaterial": {"payload": [{}]}, "dsseEnvelope": {"payload":"` + statedSBOM(base64.RawURLEncoding) + `", "payloadType": "application/vnd.in-toto+json"}}`,
			sbom.Summary{Format: "SPDX-2.3", Name: "app?>", Components: 1, Licenses: counts{{"MIT", 1}}, Enveloped: true},
		},
		{
			"SPDX in a statement", `{"_type": "https://in-toto.io/Statement/v0.1", "subject": [{"name": "x"}], "predicateType": "https://spdx.dev/Document",
				"predicate": {"name": "app", "spdxVersion": "SPDX-2.3", "packages": [{"licenseDeclared": "MIT"}], "predicate": {"packages": [{}]}}, "a": 1}`,
			sbom.Summary{Format: "SPDX-2.3", Name: "app", Components: 1, Licenses: counts{{"MIT", 1}}},
		},
		{
			"Syft", `{"artifacts": [{"name": "a", "licenses": [{"value": "Apache 2", "spdxExpression": "Apache-2.0"}, {"value": "Own", "spdxExpression": ""}]},
				{"name": "b", "licenses": ["MIT"]}, {"name": "c", "licenses": []}, {"name": "d"}],
				"source": {"id": "x", "name": "app", "version": "sha256:00", "type": "image", "metadata": {"userInput": "example.com/app:1.0"}},
				"descriptor": {"name": "syft", "version": "1.20.0"},
				"schema": {"version": "16.0.24", "url": "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.24.json"}}`,
			sbom.Summary{Format: "Syft 16.0.24", Name: "example.com/app:1.0", Components: 4, Licenses: counts{{"", 2}, {"Apache-2.0 AND Own", 1}, {"MIT", 1}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := sbom.Read(strings.NewReader(test.document))
			if err != nil || !reflect.DeepEqual(*got, test.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

// statedSBOM returns an in-toto statement of an SBOM, encoded as the payload of an envelope.
func statedSBOM(encoding *base64.Encoding) string {
	return encoding.EncodeToString([]byte(`{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://spdx.dev/Document",
		"predicate": {"spdxVersion": "SPDX-2.3", "name": "app?>", "payload": "x", "dsseEnvelope": {"payload": 1}, "packages": [{"licenseDeclared": "MIT"}]}}`))
}

// TestReadAll checks that the same components are read from each format.
func TestReadAll(t *testing.T) {
	t.Parallel()
	want := []sbom.Component{{"@scope/a", "1.0", "MIT"}, {"b", "", ""}}
	for name, document := range map[string]string{
		"SPDX in JSON":       `{"spdxVersion": "SPDX-2.3", "packages": [{"name": "@scope/a", "versionInfo": "1.0", "licenseConcluded": "MIT"}, {"name": "b", "versionInfo": ["odd"], "licenseDeclared": "NONE"}]}`,
		"SPDX as tag: value": "SPDXVersion: SPDX-2.3\nPackageName: @scope/a\nPackageVersion: 1.0\nPackageLicenseDeclared: MIT\nPackageName: b\n",
		"SPDX 3": `{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
			{"type": "Relationship", "from": "urn:a", "relationshipType": "hasDeclaredLicense", "to": ["https://spdx.org/licenses/MIT"]},
			{"type": "software_Package", "spdxId": "urn:a", "name": "@scope/a", "software_packageVersion": "1.0"}, {"type": "software_Package", "spdxId": "urn:b", "name": "b"}]}`,
		"CycloneDX in JSON": `{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
			{"group": "@scope", "name": "a", "version": "1.0", "licenses": [{"license": {"id": "MIT"}}], "components": [{"name": "b"}]}]}`,
		"CycloneDX in XML": `<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><metadata><component><name>no</name></component></metadata><components>
			<component><group>@scope</group><name>a</name><version>1.0</version><licenses><license><id>MIT</id><name>no</name></license></licenses></component>
			<component><name>b</name></component></components></bom>`,
		"Syft": `{"schema": {"version": "16", "url": "https://raw.githubusercontent.com/anchore/syft/main/schema.json"}, "artifacts": [
			{"name": "@scope/a", "version": "1.0", "licenses": ["MIT"]}, {"name": "b"}]}`,
	} {
		s, err := sbom.ReadAll(strings.NewReader(document))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range s.List {
			s.List[i].License, _, _ = strings.Cut(s.List[i].License, " AND ") // XML has both the ID and a name
		}
		if !reflect.DeepEqual(s.List, want) {
			t.Errorf("%s: got %v, want %v", name, s.List, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"empty file":               "",
		"another document":         `{"name": "x"}`,
		"only bomFormat":           `{"bomFormat": "CycloneDX"}`,
		"truncated":                `{"spdxVersion": "SPDX-2.3", "packages": [{"licenseDecl`,
		"HTML":                     "<html></html>",
		"text":                     "hello\n",
		"huge component":           `{"spdxVersion": "SPDX-2.3", "packages": [{"name": "` + strings.Repeat("x", 5<<20) + `"}]}`,
		"graph of another context": `{"@context": "https://schema.org/", "@graph": [{"type": "software_Package"}]}`,
		"schema of another tool":   `{"artifacts": [], "schema": {"url": "https://example.com/schema.json"}}`,
		"huge IDs":                 `{"@context": "https://spdx.org/rdf/3.0.1/", "@graph": [` + strings.Repeat(`{"type":"software_Package","spdxId":"`+strings.Repeat("x", 2<<20)+`"},`, 33) + `{}]}`,
		"payload of another type":  `{"payload": 1}`,
		"truncated payload":        `{"payload": "` + statedSBOM(base64.StdEncoding)[:80],
		"payload without an SBOM":  `{"payload": "e30="}`,
		"bundle in a bundle":       `{"dsseEnvelope": {"dsseEnvelope": {"payload": "` + statedSBOM(base64.StdEncoding) + `"}}}`,
		"deep nesting":             `<bom xmlns="http://cyclonedx.org/schema/bom/1.4">` + strings.Repeat("<a>", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := sbom.Read(strings.NewReader(document)); err == nil {
				t.Errorf("got %+v, want an error", got)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"spdxVersion": "SPDX-2.3", "name": "app", "packages": [{"licenseDeclared": "MIT"}, {"licenseConcluded": 7}]}`,
		`{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"licenses": [{"license": {"id": "MIT"}}], "components": [{}]}]}`,
		`{"payload": "` + statedSBOM(base64.StdEncoding) + `"}`,
		`<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component/></components></bom>`,
		"SPDXVersion: SPDX-2.2\nPackageName: a\nPackageName: b\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		s, err := sbom.Read(strings.NewReader(document))
		if err != nil {
			return
		}
		counted := 0
		for _, l := range s.Licenses {
			counted += l.Components
		}
		if counted != s.Components || s.Format == "" {
			t.Errorf("got %d components, %d of them under licenses, format %q, want equal numbers and a format", s.Components, counted, s.Format)
		}
	})
}
