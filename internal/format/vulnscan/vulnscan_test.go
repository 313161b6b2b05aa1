package vulnscan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/vulnscan"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, report, want string }{
		{"Trivy", `{"SchemaVersion":2,"CreatedAt":"2026-01-02T03:04:05.6+01:00","ArtifactName":"app:1","Results":[{"Target":"os","Vulnerabilities":[{"VulnerabilityID":"CVE-1","PkgName":"a","InstalledVersion":"1","FixedVersion":"2","Severity":"HIGH"},{"VulnerabilityID":"CVE-0","Severity":"odd"}]},{"Misconfigurations":[{"ID":"DS001","Severity":"LOW","Status":"FAIL"},{"ID":"DS002","Severity":"LOW","Status":"PASS"}],"Secrets":null}]}`,
			"Trivy 2026-01-02 1 high, 1 low, 1 unknown [[high CVE-1 a 1 2] [low DS001  ] [unknown CVE-0  ]]"},
		{"Grype", `{"matches":[{"vulnerability":{"id":"CVE-1","severity":"Critical","fix":{"versions":["2","3"]}},"artifact":{"name":"a","version":"1"}}],"source":{"target":"/dir"},"descriptor":{"name":"grype","timestamp":"2026-01-02T03:04:05Z"}}`,
			"Grype 2026-01-02 1 critical [[critical CVE-1 a 1 2, 3]]"},
		{"Trivy without findings", `{"ArtifactName":"x","Results":null}`, "Trivy 0001-01-01 no findings []"},
	} {
		o, err := vulnscan.Read(strings.NewReader(test.report))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := fmt.Sprint(o.Name, " ", o.Created.Format("2006-01-02"), " ", o.Summary, " ", o.Rows); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
	for _, report := range []string{"", "[]", "{}", `{"descriptor":{"name":"syft"}}`, `{"ArtifactName":"x","Results":[{`} {
		if o, err := vulnscan.Read(strings.NewReader(report)); err == nil {
			t.Errorf("%s: got %+v, want an error", report, o)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"ArtifactName":"x","Results":[{"Vulnerabilities":[{"VulnerabilityID":"CVE-1","Severity":"LOW"}]}]}`)
	f.Add(`{"matches":[{"vulnerability":{"id":"CVE-1"}}],"descriptor":{"name":"grype"},"source":{"target":{"userInput":"x"}}}`)
	f.Fuzz(func(t *testing.T, report string) {
		o, err := vulnscan.Read(strings.NewReader(report))
		if err == nil && (o.Name == "" || o.Summary == "") {
			t.Errorf("got %+v, want a name and a summary", o)
		}
	})
}
