package markdown_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/markdown"
)

func TestHeadings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]markdown.Heading{
		"# A\n## B ##\n####### no\n#no\n":                      {{Level: 1, Text: "A"}, {Level: 2, Text: "B"}},
		"A\n=\n\nB\n--\n\nC\n\n---\n":                          {{Level: 1, Text: "A"}, {Level: 2, Text: "B"}},
		"```sh\n# no\n```\n~~~~\n# no\n~~~\n# no\n~~~~\n# D\n": {{Level: 1, Text: "D"}},
		"    # no\n\t# no\n   # E\n#\n":                        {{Level: 1, Text: "E"}},
	} {
		if got := markdown.Headings([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "## B\n# A\n# C\n": "A", "## B\n### C\n": "B"} {
		if got := markdown.Title(markdown.Headings([]byte(text))); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzHeadings(f *testing.F) {
	for _, seed := range []string{"# T\n\n## One\n```sh\n## no\n```\nTwo\n---\n", "# a\n=\n", "~~~\n# x\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		for _, h := range markdown.Headings([]byte(content)) {
			if h.Level < 1 || h.Level > 6 || h.Text == "" || strings.ContainsAny(h.Text, "\n") {
				t.Errorf("got heading %+v, want level 1 to 6 and one line of text", h)
			}
		}
	})
}
