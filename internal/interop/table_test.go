package interop

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds"
)

// check lists the tests for a kind and one client. TestEveryKindIsChecked checks that the tests exist. The version is the one that
// .ci/clients.sh builds or the one whose source was read.
type check struct {
	kind, client string
	program      string // the programs in .ci/clients.sh, joined by commas; empty if version is set
	version      string
	reads        string // the test in which the client reads an artifact from davit
	writes       string // the test in which davit reads an artifact from the client
	how          string // how the client is checked; "": by running it
}

const (
	debian = "Debian 12's"
	npm    = "0.89"
	rules  = "the rules of its source" // of a client that does not run in the tests
	late   = "running it, in `make test-late`"
)

// checks are in the order of the table.
var checks = []check{
	{"agent", "docker agent", "", "1.32.3", "TestGoldenManifests", "", rules},
	{"artifacthub", "Artifact Hub", "", "1.22", "TestGoldenManifests", "", rules},
	{"attestation", "cosign", "cosign", "", "TestCosignVerifiesAttachments", "TestSignaturesAreRecognized", ""},
	{"attestation", "oras, regctl", "oras, regctl", "", "TestClientsFindAttachments", "", ""},
	{"binary", "curl", "", "any", "TestReleaseFilesMeetCurlRules", "", "the requests that it sends"},
	{"bottle", "brew", "", "aad366f", "TestBottleMeetsBrewRules", "", rules},
	{"collection", "devcontainer", "", npm, "", "TestDavitReadsDevContainer", ""},
	{"collection", "oras", "oras", "", "TestCollectionMatchesCLI", "", ""},
	{"compose", "docker compose", "docker-compose", "", "TestComposeReadsDavit", "TestDavitReadsCompose", ""},
	{"conftest", "conftest", "conftest", "", "TestLateConftestReadsDavit", "TestLateDavitReadsConftest", late},
	{"cue", "cue", "cue", "", "TestLateCueReadsDavit", "TestLateDavitReadsCue", late},
	{"docs", "oras, regctl", "oras, regctl", "", "TestClientsFindAttachments", "", ""},
	{"falco-asset", "falcoctl", "falcoctl", "", "TestLateFalcoctlReadsDavit", "TestLateDavitReadsFalcoctl", late},
	{"falco-plugin", "falcoctl", "falcoctl", "", "TestLateFalcoctlReadsDavit", "TestLateDavitReadsFalcoctl", late},
	{"falco-rules", "falcoctl", "falcoctl", "", "TestLateFalcoctlReadsDavit", "TestLateDavitReadsFalcoctl", late},
	{"feature", "devcontainer", "", npm, "TestDevContainerReadsFeature", "TestDavitReadsDevContainer", ""},
	{"flux", "flux", "flux", "", "TestFluxReadsDavit", "TestDavitReadsFlux", "with the library that its CLI calls"},
	{"generic", "oras", "oras", "", "TestOrasReadsDavit", "TestDavitReadsOras", ""},
	{"helm", "helm", "helm", "", "TestHelmReadsDavit", "TestDavitReadsHelm", ""},
	{"helm-plugin", "helm", "helm", "", "TestHelmInstallsPlugin", "", ""},
	{"image", "podman", "", debian, "TestPodmanMountsImage", "", ""},
	{"image", "skopeo", "", debian, "TestSkopeoCopiesImages", "", ""},
	{"image", "crane", "crane", "", "", "TestDavitReadsImage", ""},
	{"manifests", "Argo CD", "", "3.2", "TestManifestsMeetArgoRules", "", rules},
	{"model", "docker model", "dmr", "", "TestModelRunnerReadsDavit", "TestDavitReadsModelRunner", ""},
	{"modelcar", "podman", "", debian, "TestPodmanMountsModelcar", "", ""},
	{"modelkit", "kit", "", "1.7", "TestModelKitMeetsKitRules", "", rules},
	{"modelpack", "modctl", "modctl", "", "TestModctlReadsDavit", "TestDavitReadsModctl", ""},
	{"modelpack", "docker model", "dmr", "", "TestModelRunnerReadsModelPack", "", ""},
	{"ollama", "ollama", "", "0.17.4", "TestOllamaPullsFromServe", "TestDavitReadsOllama", rules},
	{"opa", "opa", "opa", "", "TestLateOPAReadsDavit", "TestLateDavitReadsOPA", late + "; oras pushes what it builds"},
	{"opentofu-module", "tofu", "tofu", "", "TestLateTofuReadsDavit", "TestLateDavitReadsTofuModule", late + "; oras pushes, as tofu does not"},
	{"opentofu-provider", "tofu", "tofu", "", "TestLateTofuReadsDavit", "", late},
	{"report", "oras, regctl", "oras, regctl", "", "TestClientsFindAttachments", "", ""},
	{"runbook", "oras, regctl", "oras, regctl", "", "TestClientsFindAttachments", "", ""},
	{"sbom", "oras, regctl", "oras, regctl", "", "TestClientsFindAttachments", "", ""},
	{"sif", "apptainer", "", "1.4", "TestGoldenManifests", "", rules},
	{"signature", "cosign", "cosign", "", "TestCosignVerifiesSignatures", "TestDavitVerifiesCosign", ""},
	{"signature", "notation", "notation", "", "", "TestSignaturesAreRecognized", ""},
	{"skill", "skills-oci", "", "0.1.0", "TestSkillMeetsClientRules", "", rules},
	{"skills", "skills-oci", "", "0.1.0", "TestCollectionMeetsClientRules", "", rules},
	{"tekton-bundle", "tkn", "tkn", "", "TestLateTknReadsDavit", "TestLateDavitReadsTkn", late + ", with the package of its command"},
	{"template", "devcontainer", "", npm, "TestDevContainerAppliesTemplate", "TestDavitReadsDevContainer", ""},
	{"vex", "oras, regctl", "oras, regctl", "", "TestClientsFindAttachments", "", ""},
	{"volume", "podman", "", debian, "TestPodmanRestoresVolume", "TestPodmanVolumeExport", "running it; Docker Desktop can't run in tests"},
	{"wasm", "Istio", "", "01348d9", "TestWasmImageMeetsIstioRules", "", rules},
	{"wasm", "kwctl", "", "efd9e33", "TestPolicyMeetsKwctlRules", "", rules},
	{"wasm", "wkg", "", "5a4c2ab", "TestWasmMeetsWkgRules", "", rules},
	{"wasm", "wazero", "wazero", "", "TestWazeroRunsPulledModule", "", "runs the pulled module"},
	{"wasm", "wasm-to-oci", "wasm-to-oci", "", "", "TestDavitReadsWasmToOCI", ""},
}

// TestEveryKindIsChecked compares the table with the kinds, the tests, the versions in .ci/clients.sh, and docs/kinds.md.
func TestEveryKindIsChecked(t *testing.T) {
	t.Parallel()
	tests, versions := testNames(t), clientVersions(t)
	seen := map[string]bool{}
	for i, c := range checks {
		seen[c.kind] = true
		if _, ok := kinds.Lookup(c.kind); !ok {
			t.Errorf("%s is not a kind", c.kind)
		}
		for _, name := range []string{c.reads, c.writes} {
			if name != "" && !tests[name] {
				t.Errorf("%s: test %s does not exist", c.kind, name)
			}
		}
		var built []string
		for program := range strings.SplitSeq(c.program, ", ") {
			if program != "" && versions[program] == "" {
				t.Errorf("%s: .ci/clients.sh does not build %s", c.kind, program)
			}
			built = append(built, versions[program])
		}
		if c.program != "" {
			checks[i].version = strings.Join(built, ", ")
		}
	}
	for _, k := range kinds.Data() {
		if !seen[k.Name] {
			t.Errorf("no test in the table for kind %s", k.Name)
		}
	}
	wantTable(t, filepath.Join("..", "..", "docs", "kinds.md"))
}

// testNames returns the names of all functions in the test files of this package.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

var clientLine = regexp.MustCompile(`(?m)^(?:core|extra|late) +(\S+) +\S+@v(\S+)`)

// clientVersions returns the versions that .ci/clients.sh builds, by program.
func clientVersions(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", ".ci", "clients.sh"))
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, m := range clientLine.FindAllStringSubmatch(string(data), -1) {
		versions[m[1]] = m[2]
	}
	return versions
}

const tableBegins, tableEnds = "<!-- clients -->\n", "<!-- /clients -->\n"

// clientTable returns the table in Markdown.
func clientTable() string {
	var b strings.Builder
	b.WriteString("| kind | client | version | reads what davit pushed | davit reads what it wrote | checked by |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, c := range checks {
		how := c.how
		if how == "" {
			how = "running it"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", c.kind, c.client, c.version, c.cell(c.reads), c.cell(c.writes), how)
	}
	return b.String()
}

// cell returns the cell of the table for a test: empty without a test, "golden file" if no client ran, and "yes" otherwise.
func (c check) cell(test string) string {
	switch {
	case test == "":
		return ""
	case c.how == rules:
		return "golden file"
	}
	return "yes"
}

// wantTable compares the table in a file with clientTable, and replaces it with -update.
func wantTable(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	before, rest, begins := strings.Cut(string(data), tableBegins)
	got, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Errorf("%s has no markers for the table (%v)", file, err)
		return
	}
	if got == clientTable() {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+tableBegins+clientTable()+tableEnds+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the table in %s is outdated; renew it with -update", file)
}
