package runbook_test

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/kinds/runbook"
	"github.com/davit-oci/davit/mediatypes"
)

func TestRunbookConfig(t *testing.T) {
	t.Parallel()
	files := map[string]string{"down.md": kindtest.RunbookFile, "graph.png": "png", "bare.md": "# Bare\n\n## Steps\n\n### One\n\n### Two\n\n## Notes\n"}
	for _, tc := range []struct {
		name, davitYAML, config string
		annotations             map[string]string
	}{
		{"front matter and headings", "kind: runbook\nlayers: [down.md, graph.png]\n",
			`{"alerts":["GreetingDown","GreetingSlow"],"owner":"team-hello","service":"greeting","severity":"critical",` +
				`"steps":["Look at the pods","Restart the service","Tell people"],"summary":"Nobody is greeted any more.","title":"Greeting is down"}`,
			map[string]string{mediatypes.RunbookAlerts: "GreetingDown,GreetingSlow", mediatypes.RunbookSeverity: "critical",
				mediatypes.RunbookService: "greeting", "org.opencontainers.image.title": "Greeting is down"}},
		{"config in davit.yaml", "kind: runbook\nname: n\nlayers: [{path: bare.md, as: runbook}]\nconfig: {severity: sev1, alerts: [A]}\n",
			`{"alerts":["A"],"severity":"sev1","steps":["One","Two"],"title":"Bare"}`,
			map[string]string{mediatypes.RunbookAlerts: "A", mediatypes.RunbookSeverity: "sev1", "org.opencontainers.image.title": "n"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			plan, err := kindtest.Compose(t, files, tc.davitYAML)
			if err != nil {
				t.Fatal(err)
			}
			if got := kindtest.ConfigOf(t, plan); got != tc.config {
				t.Errorf("config: got %s, want %s", got, tc.config)
			}
			if !maps.Equal(plan.Annotations, tc.annotations) {
				t.Errorf("annotations: got %v, want %v", plan.Annotations, tc.annotations)
			}
		})
	}
}

func TestRunbookProblemsPointIntoTheMarkdown(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"bad.md":   "---\ntitle: 3\nseverity: high\nalerts: 5\nsteps: [a, 2]\n---\n# x\n",
		"yaml.md":  "---\nalerts: [\n---\n# x\n",
		"plain.md": "no heading\n", "graph.png": "png",
		"many/a.md": "---\nalerts: 1\n---\n", "many/b.md": "---\nalert: 2\n---\n", "many/c.md": "---\nseverity: 3\n---\n",
	}
	for _, tc := range []struct{ name, davitYAML, want string }{
		{"wrong types", "kind: runbook\nlayers: [bad.md]\n", `
	bad.md:2:8: "title": must be a string, not a number (put it in quotes)
	bad.md:4:9: "alerts": must be a list, not a number
	bad.md:5:12: "steps": must be a string, not a number (put it in quotes)`},
		{"config field of the wrong type", "kind: runbook\nlayers: [{path: plain.md, as: runbook}]\nconfig:\n  alerts: 3\n  sevrity: x\n  title: t\n", `
	davit.yaml:4:11: "alerts": must be a list, not a number
	davit.yaml:5:3: unknown key "sevrity" (did you mean "severity"?)`},
		{"no Markdown", "kind: runbook\nlayers: [graph.png]\n", `
	davit.yaml:2:9: no runbook among the files (Markdown: *.md, *.markdown)`},
		{"an alert of the wrong type", "kind: runbook\nlayers: [many]\n", `
	many/a.md:2:9: "alerts": must be a list, not a number
	many/b.md:2:8: "alert": must be a string, not a number (put it in quotes)`},
		{"broken YAML", "kind: runbook\nlayers: [{path: yaml.md, as: runbook}]\n", `
	yaml.md:3:1: not YAML: did not find expected node content`},
		{"broken YAML without a role", "kind: runbook\nlayers: [yaml.md]\n", `
	yaml.md:3:1: not YAML: did not find expected node content`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, files, tc.davitYAML)
			kindtest.WantLines(t, fmt.Sprint(err), tc.want)
		})
	}
}

// TestExamplePage checks that the example page is a valid runbook, and that docs/docs-and-runbooks.md has it, too.
func TestExamplePage(t *testing.T) {
	t.Parallel()
	page := runbook.Kind().Page
	plan, err := kindtest.Compose(t, map[string]string{"page.md": page}, "kind: runbook\nlayers: [page.md]\n")
	if err != nil || plan.Annotations[mediatypes.RunbookAlerts] != "DiskFull,InodesFull" || plan.Annotations[mediatypes.RunbookSeverity] != "critical" {
		t.Errorf("got %v, %v, want alerts DiskFull and InodesFull, severity critical", plan, err)
	}
	text, err := os.ReadFile("../../../docs/docs-and-runbooks.md")
	if err != nil || !strings.Contains(string(text), page) {
		t.Errorf("docs-and-runbooks.md lacks the example page; error: %v", err)
	}
}
