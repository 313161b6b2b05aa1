package markdown_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/markdown"
)

func TestSections(t *testing.T) {
	t.Parallel()
	body := "intro\n# All\n## Alert Name: \"A_b\"\ntext\n```\n# no\n```\n### Deep\nx\nSame\n----\ny\n## Same\nz\n## Same-1\n# É, über `x`!\nend"
	var got []string
	for _, s := range markdown.Sections([]byte(body)) {
		got = append(got, fmt.Sprintf("%d %s %q", s.Level, s.Anchor, s.Body))
	}
	want := []string{
		`1 all ` + fmt.Sprintf("%q", body[6:strings.Index(body, "# É")]),
		`2 alert-name-a_b "## Alert Name: \"A_b\"\ntext\n` + "```\\n# no\\n```" + `\n### Deep\nx\n"`,
		`3 deep "### Deep\nx\n"`,
		`2 same "Same\n----\ny\n"`,
		`2 same-1 "## Same\nz\n"`,
		`2 same-1-1 "## Same-1\n"`,
		`1 é-über-x "# É, über ` + "`x`" + `!\nend"`,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func FuzzSections(f *testing.F) {
	for _, seed := range []string{"# T\n\n## One\n```sh\n## no\n```\nTwo\n---\n", "# a\n=\n", "# a\n# a\n# a-1\n# a\n", "#  \x00\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		seen := map[string]bool{}
		headings := markdown.Headings([]byte(content))
		for i, s := range markdown.Sections([]byte(content)) {
			if s.Heading != headings[i] {
				t.Errorf("section %d: got heading %+v, want %+v", i, s.Heading, headings[i])
			}
			if seen[s.Anchor] {
				t.Errorf("got anchor %q for two sections, want it once", s.Anchor)
			}
			seen[s.Anchor] = true
			if !strings.Contains(content, string(s.Body)) || len(s.Body) == 0 {
				t.Errorf("section %q is empty or not a part of the document", s.Body)
			}
		}
	})
}
