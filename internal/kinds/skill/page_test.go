package skill_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestPage checks skills made from single pages. The only file is a SKILL.md with the front matter that clients read.
func TestPage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ page, config, text string }{
		"a runbook with two alerts": {
			"---\ntitle: It is down\nsummary: No answer.\nseverity: high\nalerts: [Down, Slow]\n---\n# It is down\n",
			`{"schemaVersion":"1","name":"it-is-down","description":"No answer. Use it for the alert Down, Slow.",
			  "metadata":{"title":"It is down","summary":"No answer.","severity":"high","alerts":["Down","Slow"]}}`,
			"name: it-is-down\n---\n# It is down\n",
		},
		"a runbook with one alert": {
			"---\nalert: Down\nlicense: MIT\nallowed-tools: Bash\n---\nText\n",
			`{"schemaVersion":"1","name":"it-is-down","description":"Use it for the alert Down.","license":"MIT","allowedTools":["Bash"],"metadata":{"alert":"Down"}}`,
			"name: it-is-down\n---\nText\n",
		},
		"a skill not named SKILL.md": {
			"---\nname: other\ndescription: Does it.\nextra: 1\n---\nText\n",
			`{"schemaVersion":"1","name":"other","description":"Does it."}`,
			"---\nname: other\ndescription: Does it.\nextra: 1\n---\nText\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := kindtest.Compose(t, map[string]string{"books/It_is DOWN.md": tc.page}, "kind: skill\nlayers: [\"books/It_is DOWN.md\"]\n")
			if err != nil {
				t.Fatal(err)
			}
			kindtest.WantJSON(t, []byte(kindtest.ConfigOf(t, plan)), tc.config)
			l := plan.Layers[0]
			if len(l.Files) != 1 || l.Files[0] != "books/SKILL.md" || !strings.HasSuffix(string(l.Replaced["books/SKILL.md"]), tc.text) || !strings.HasPrefix(l.Prefix, plan.Annotations["io.agentskills.skill.name"]) {
				t.Errorf("got files %q, prefix %q, replaced %s, want only SKILL.md below the name of the skill", l.Files, l.Prefix, l.Replaced)
			}
		})
	}
}

// TestPageRefuses checks that pages without the fields that a skill needs are refused.
func TestPageRefuses(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		"# Down\n":                            "down.md has no front matter",
		"---\nowner: ann\n---\n# Down\n":      "\"down.md\": has neither a description nor a summary, title, or alerts",
		"---\ntitle: [\n---\n# Down\n":        "down.md",
		"---\nname: N\ntitle: T\n---\nText\n": `name "N" is not 2 to 64 lower-case letters`,
	} {
		if _, err := kindtest.Compose(t, map[string]string{"down.md": page}, "kind: skill\nlayers: [down.md]\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", page, err, want)
		}
	}
}
