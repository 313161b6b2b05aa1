package skill_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestFolder checks a skill made from a directory of pages. The index page becomes SKILL.md, and the other files stay beside it.
func TestFolder(t *testing.T) {
	t.Parallel()
	const down = "---\nalert: Down\n---\n# Down\n"
	for name, tc := range map[string]struct {
		index, page, config string
		text                string // at the end of SKILL.md
	}{
		"a title and a paragraph": {"README.md", "<!-- x -->\n# Runbooks of web.\n\n![badge](x)\n\nWhat to do\nwhen it is down.\n\nMore.\n",
			`{"schemaVersion":"1","name":"web-books","description":"Runbooks of web. What to do when it is down."}`, "\n---\n<!-- x -->\n# Runbooks of web.\n\n![badge](x)\n\nWhat to do\nwhen it is down.\n\nMore.\n"},
		"front matter": {"index.md", "---\nname: books\ndescription: For outages.\nowner: ann\n---\n# A\n",
			`{"schemaVersion":"1","name":"books","description":"For outages.","metadata":{"owner":"ann"}}`, "\n---\n# A\n"},
		"a summary": {"_index.md", "---\nsummary: For outages\n---\n", `{"schemaVersion":"1","name":"web-books","description":"For outages.","metadata":{"summary":"For outages"}}`, "---\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"Web_Books/" + tc.index: tc.page, "Web_Books/down.md": down, "Web_Books/img/a.png": "x", "Web_Books/.git/HEAD": ""}
			plan, err := kindtest.Compose(t, files, "kind: skill\nlayers: [Web_Books/]\n")
			if err != nil {
				t.Fatal(err)
			}
			kindtest.WantJSON(t, []byte(kindtest.ConfigOf(t, plan)), tc.config)
			l := plan.Layers[0]
			if want := []string{"Web_Books/SKILL.md", "Web_Books/down.md", "Web_Books/img/a.png"}; !slices.Equal(l.Files, want) {
				t.Errorf("files: got %q, want %q", l.Files, want)
			}
			if text := string(l.Replaced["Web_Books/SKILL.md"]); !strings.HasPrefix(text, "---\n") || !strings.HasSuffix(text, tc.text) {
				t.Errorf("SKILL.md: got %q, want front matter, and %q at the end", text, tc.text)
			}
			if want := plan.Annotations["io.agentskills.skill.name"] + "/"; l.Prefix != want {
				t.Errorf("prefix: got %q, want %q", l.Prefix, want)
			}
		})
	}
}

// TestFolderRefuses checks that directories without the fields that a skill needs are refused.
func TestFolderRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"an empty index":         {map[string]string{"a/README.md": "- [x](x.md)\n"}, "neither a description in its front matter nor a title"},
		"broken front matter":    {map[string]string{"a/README.md": "---\ntitle: [\n---\n# A\n"}, "README.md: "},
		"no index":               {map[string]string{"a/one.md": "# A\n", "a/two.md": "# B\n"}, "README.md or index.md"},
		"an incomplete SKILL.md": {map[string]string{"aa/SKILL.md": "---\nname: aa\n---\n", "aa/README.md": "# A\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := "a"
			if tc.want == "" {
				dir, tc.want = "aa", "SKILL.md"
			}
			_, err := kindtest.Compose(t, tc.files, "kind: skill\nlayers: ["+dir+"/]\n")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestLongIntroduction checks that a long description is cut between words to at most 1,024 bytes, the limit of clients.
func TestLongIntroduction(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"aa/README.md": "# A\n\n" + strings.Repeat("word näh ", 300)}, "kind: skill\nlayers: [aa/]\n")
	if err != nil {
		t.Fatal(err)
	}
	text := plan.Annotations["org.opencontainers.image.description"]
	if len(text) > 1024 || len(text) < 1000 || strings.HasSuffix(text, " ") {
		t.Errorf("got %d bytes, want 1000 to 1024 that end with a word: %q", len(text), text)
	}
}
