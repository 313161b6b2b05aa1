package vexdoc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/format/vexdoc"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, document, want string }{
		{"OpenVEX", `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:v","timestamp":"2026-01-02T03:04:05Z","statements":[{"vulnerability":{"@id":"CVE-1"},"status":"fixed","products":["a",{"@id":"b"}]},{"vulnerability":"CVE-2","status":"odd"}]}`,
			"urn:v 2026-01-02 1 fixed, 1 unknown [[fixed CVE-1 2 ] [unknown CVE-2 0 ]]"},
		{"CSAF", `{"document":{"csaf_version":"2.0","category":"csaf_vex","tracking":{"id":"A-1","current_release_date":"2026-03-01T00:00:00Z"}},"vulnerabilities":[{"cve":"CVE-1","product_status":{"known_not_affected":["p","q"],"fixed":["r"]},"flags":[{"label":"component_not_present"}]},{"ids":[{"text":"GHSA-1"}],"product_status":{"under_investigation":["p"]}}]}`,
			"A-1 2026-03-01 1 under investigation, 1 fixed, 1 not affected [[under_investigation GHSA-1 1 ] [fixed CVE-1 1 ] [not_affected CVE-1 2 component_not_present]]"},
		{"CycloneDX", `{"vulnerabilities":[{"id":"CVE-1","analysis":{"state":"exploitable"},"affects":[{"ref":"a"}]},{"id":"CVE-2","analysis":{"state":"false_positive","justification":"code_not_reachable"}}],"bomFormat":"CycloneDX","serialNumber":"urn:uuid:1","metadata":{"timestamp":"2026-04-01T00:00:00+02:00"}}`,
			"urn:uuid:1 2026-03-31 1 affected, 1 not affected [[affected CVE-1 1 ] [not_affected CVE-2 0 code_not_reachable]]"},
		{"no statements", `{"@context":"https://openvex.dev/ns","statements":7}`, " 0001-01-01 no statements []"},
	} {
		o, err := vexdoc.Read(strings.NewReader(test.document))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := fmt.Sprint(o.Name, " ", o.Created.Format("2006-01-02"), " ", o.Summary, " ", o.Rows); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
	for _, document := range []string{"", "[]", "{}", `{"bomFormat":"SPDX"}`, `{"@context":"https://openvex.dev/ns","statements":[{`} {
		if o, err := vexdoc.Read(strings.NewReader(document)); err == nil {
			t.Errorf("%s: got %+v, want an error", document, o)
		}
	}
}

// TestReadAll checks that ReadAll returns a row for each product, the most urgent status first.
func TestReadAll(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"OpenVEX":   `{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":"V","status":"not_affected","products":["b",{"@id":"a"}]},{"vulnerability":"W","status":"affected"}]}`,
		"CSAF":      `{"document":{"csaf_version":"2.0"},"vulnerabilities":[{"cve":"V","product_status":{"known_not_affected":["a","b"]}},{"cve":"W","product_status":{"known_affected":[""]}}]}`,
		"CycloneDX": `{"bomFormat":"CycloneDX","vulnerabilities":[{"id":"V","analysis":{"state":"not_affected"},"affects":[{"ref":"a"},{"ref":"b"}]},{"id":"W","analysis":{"state":"exploitable"}}]}`,
	} {
		o, err := vexdoc.ReadAll(strings.NewReader(document))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := fmt.Sprint(o.Summary, o.Rows), "1 affected, 1 not affected[[affected W  ] [not_affected V a ] [not_affected V b ]]"; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestProducts checks the names of products in CSAF, and the reason for the status of each.
func TestProducts(t *testing.T) {
	t.Parallel()
	o, err := vexdoc.ReadAll(strings.NewReader(`{"vulnerabilities":[{"cve":"V","product_status":{"known_not_affected":["a","b","c"],"fixed":["d"]},
		"flags":[{"label":"not_present","product_ids":["a"]},{"label":"not_reachable","product_ids":["b","d"]},{"label":"unknown","group_ids":["g"]}]}],
		"document":{"csaf_version":"2.0"},"product_tree":{"branches":[{"name":"x","branches":[{"product":{"product_id":"a","name":"App 1"}}],
		"product":7}],"full_product_names":[{"product_id":"b","name":"App 2"},{"product_id":"c"}],"relationships":[{"full_product_name":{"product_id":"d","name":"App 1 on App 2"}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := "[[fixed V App 1 on App 2 ] [not_affected V c ] [not_affected V App 1 not_present] [not_affected V App 2 not_reachable]]"
	if got := fmt.Sprint(o.Rows); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	deep := `{"document":{"csaf_version":"2.0"},"product_tree":` + strings.Repeat(`{"branches":[`, 200_000) + strings.Repeat(`]}`, 200_000) + `}`
	if _, err := vexdoc.ReadAll(strings.NewReader(deep)); err != nil {
		t.Error(err)
	}
}

// TestSameRows checks that each run keeps the same rows if a document has too many products.
func TestSameRows(t *testing.T) {
	t.Parallel()
	many := func(name string) string {
		return `["` + name + strings.Repeat(`","`+name, outline.MaxRows/2) + `"]`
	}
	document := `{"document":{"csaf_version":"2.0"},"vulnerabilities":[{"cve":"V","product_status":{"fixed":` + many("a") + `,"known_affected":` + many("b") +
		`,"known_not_affected":` + many("c") + `},"flags":[{"label":"x","product_ids":["c"]}]}]}`
	var first string
	for range 10 {
		o, err := vexdoc.ReadAll(strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		rows := fmt.Sprint(o.Rows)
		if len(o.Rows) != outline.MaxRows {
			t.Fatalf("got %d rows, want %d", len(o.Rows), outline.MaxRows)
		}
		if first == "" {
			first = rows
		}
		if rows != first {
			t.Fatal("got different rows in two runs, want the same")
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":{"name":"CVE-1"},"status":"fixed","products":[{}]}]}`)
	f.Add(`{"document":{"csaf_version":"2.0"},"vulnerabilities":[{"cve":"CVE-1","product_status":{"fixed":["r"]}}]}`)
	f.Add(`{"bomFormat":"CycloneDX","vulnerabilities":[{"id":"x","analysis":{"state":"resolved"}}]}`)
	f.Fuzz(func(t *testing.T, document string) {
		o, err := vexdoc.Read(strings.NewReader(document))
		if err == nil && o.Summary == "" {
			t.Errorf("got %+v, want a summary", o)
		}
	})
}
